import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { Screen } from "../testing/terminal.ts";
import { canBeHeld, HeldOutput } from "./held-output.ts";

let directory: AsyncDisposable & { readonly path: string };
let file: string;
let fd: number;
beforeEach(async () => {
  directory = await temporaryDirectory();
  file = path.join(directory.path, "out");
  fd = openSync(file, "w");
});
afterEach(async () => {
  vi.useRealTimers();
  closeSync(fd);
  await directory[Symbol.asyncDispose]();
});

/** With the stream that it opens. */
function held(options: { readonly maxHeld?: number; readonly fd?: number } = {}) {
  const screen = new Screen();
  const open = vi.fn<() => Screen>(() => screen);
  return { output: new HeldOutput({ fd, open, ...options }), screen, open };
}

describe("output that is held", () => {
  it("is written at the end, without a stream", () => {
    const { output, open } = held();
    expect([output.stream.isTTY, output.stream.columns, output.stream.writableNeedDrain]).toEqual([
      ...[undefined, undefined, false],
    ]);
    output.stream.write("one\n");
    output.stream.write(Buffer.from("zwei ü\n"));
    expect(output.stream.writableLength).toBe(12);
    expect(readFileSync(file, "utf8")).toBe("");
    expect(output.finish()).toBe(true);
    expect(output.finish()).toBe(true);
    expect(readFileSync(file, "utf8")).toBe("one\nzwei ü\n");
    expect(open).not.toHaveBeenCalled();
  });

  it("is not changed by who reuses the buffer of a piece", () => {
    const { output } = held();
    const buffer = Buffer.from("one");
    output.stream.write(buffer);
    buffer.fill("x");
    output.finish();
    expect(readFileSync(file, "utf8")).toBe("one");
  });

  it.each([
    ["there is much of it", (output: HeldOutput) => void output.stream.write("x".repeat(70_000))],
    ["a piece has a callback", (output: HeldOutput) => void output.stream.write("x", () => undefined)],
    ["the stream is used otherwise", (output: HeldOutput) => void output.stream.on("error", () => undefined)],
    ["it has waited for long", () => void vi.advanceTimersByTime(1_000)],
  ])("goes to the stream, in order, when %s", (_, use) => {
    vi.useFakeTimers();
    const { output, screen, open } = held();
    output.stream.write("first ");
    use(output);
    output.stream.write(" last");
    expect(output.finish()).toBe(false);
    expect(screen.text).toMatch(/^first x* last$/);
    expect(readFileSync(file, "utf8")).toBe("");
    expect(open).toHaveBeenCalledOnce();
  });

  it("opens the stream at once where nothing is to be held", () => {
    const { output, screen } = held({ maxHeld: 0 });
    output.stream.write("now");
    expect(screen.text).toBe("now");
  });

  it("leaves to the stream what a pipe does not take", () => {
    const pipe = path.join(directory.path, "pipe");
    execFileSync("mkfifo", [pipe]);
    const full = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    expect(() => {
      for (;;) writeSync(full, Buffer.alloc(4_096));
    }).toThrow(/EAGAIN/);
    const { output, screen } = held({ fd: full });
    output.stream.write("one");
    expect(output.finish()).toBe(false);
    expect(screen.text).toBe("one");
    closeSync(full);
  });

  it("fails with Node's own error", () => {
    const { output } = held({ fd: openSync(file, "r") });
    output.stream.write("one");
    expect(() => output.finish()).toThrow(/EBADF/);
  });
});

it("can be held unless it may be a terminal", () => {
  expect(canBeHeld(fd)).toBe(true);
  for (const [device, expected] of [
    ["/dev/null", true],
    ["/dev/zero", false],
  ] as const) {
    const opened = openSync(device, "r");
    expect(canBeHeld(opened), device).toBe(expected);
    closeSync(opened);
  }
  expect(canBeHeld(2 ** 30)).toBe(false);
});
