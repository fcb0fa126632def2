import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { SerialConsole } from "./serial-console.ts";

const panic = /^.*Kernel panic - not syncing.*$/m;

function watch(): { stream: PassThrough; console: SerialConsole; panics: string[] } {
  const stream = new PassThrough();
  const panics: string[] = [];
  const console = new SerialConsole(stream, { panic, onPanic: (line) => panics.push(line) });
  return { stream, console, panics };
}

describe("the serial console", () => {
  it("shows its last lines without blank lines, colours and carriage returns", async () => {
    const { stream, console } = watch();
    stream.end("one\r\n\u001B[1;32mtwo\u001B[0m\r\n\r\n   \r\nthr\u0007ee\u001B[2J");
    stream.destroy();
    await console.ended();
    expect(console.tail(2)).toBe("two\nthree");
  });

  it("does not grow with the output of the guest", async () => {
    const { stream, console } = watch();
    for (let i = 0; i < 2_000; i++) stream.write(`${i} ${"x".repeat(100)}\n`);
    stream.end("last\n");
    await new Promise((resolve) => stream.once("end", resolve));
    expect(console.tail(1)).toBe("last");
    expect(console.tail(10_000).length).toBeLessThanOrEqual(32_768);
  });

  it("searches each line once, and of one that has no end the last part", () => {
    const { stream, console, panics } = watch();
    const searched: number[] = [];
    class Pattern extends RegExp {
      override test(text: string): boolean {
        searched.push(text.length);
        return super.test(text);
      }
    }
    let found = 0;
    console.onMatch(new Pattern(/^ready$/, "m"), () => (found += 1));
    for (let i = 0; i < 20_000; i++) stream.write("x");
    stream.write("\nready\n Kernel panic - not syncing: x\n");
    expect([found, panics.length]).toEqual([1, 1]);
    expect(searched).toHaveLength(20_001);
    expect(Math.max(...searched)).toBeLessThan(5_000);
  });

  it("gives its readers the output from then on", () => {
    const { stream, console } = watch();
    stream.write("before");
    let read = "";
    const reading = console.onOutput((text) => {
      read += text;
    });
    stream.write("\u001B[1mo");
    stream.write("ne\n");
    reading[Symbol.dispose]();
    stream.write("after");
    expect(read).toBe("\u001B[1mone\n");
  });

  it("reports a panic once, when its line is complete", () => {
    const { stream, panics } = watch();
    stream.write("[ 1.0] fine\n[ 2.0] Kernel panic - not syn");
    expect(panics).toEqual([]);
    stream.write("cing: VFS: no root");
    expect(panics).toEqual([]);
    stream.write("\r\n[ 2.1] CPU: 0\n");
    stream.write("Kernel panic - not syncing: again\n");
    expect(panics).toEqual(["[ 2.0] Kernel panic - not syncing: VFS: no root"]);
  });

  it("of a guest that starts again is searched from there, and still shows what came before", () => {
    const { stream, console } = watch();
    stream.write("first\nready\n");
    console.startOver();
    let seen = 0;
    console.onMatch(/^ready$/m, () => (seen += 1));
    stream.write(`${"x".repeat(20_000)}\n`);
    expect(seen).toBe(0);
    expect(console.tail(2)).toMatch(/^ready\nx+$/);
    stream.write(`${"y".repeat(20_000)}\nready\n`);
    expect(seen).toBe(1);
  });

  it("calls a listener once when its pattern appears, and never after it was removed", () => {
    const { stream, console } = watch();
    let [first, second] = [0, 0];
    console.onMatch(/^ready$/m, () => (first += 1));
    const wait = console.onMatch(/^later$/m, () => (second += 1));
    stream.write("rea");
    stream.write("dy\n");
    stream.write("ready\n");
    wait[Symbol.dispose]();
    stream.write("later\n");
    expect([first, second]).toEqual([1, 0]);
  });
});
