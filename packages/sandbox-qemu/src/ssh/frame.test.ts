import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { installedShells } from "../testing/installed-shells.ts";
import { frameReader, inFrame, inputStart, newMark } from "./frame.ts";

const mark = newMark();

/** What a reader passes on of these chunks. */
function read(pieces: readonly string[]): string {
  let text = "";
  const reader = frameReader(mark, (bytes) => void (text += Buffer.from(bytes).toString()));
  for (const piece of pieces) void reader.add(Buffer.from(piece));
  return text;
}

describe("a frame reader", () => {
  it("passes on the bytes within the frame, however the stream is split", () => {
    const stream = `before${mark}obuilder-${mark.slice(0, -1)}?${mark}after${mark}`;
    const inside = `obuilder-${mark.slice(0, -1)}?`;
    expect(read([stream])).toBe(inside);
    expect(read(stream.split(""))).toBe(inside);
    for (let at = 0; at <= stream.length; at++) {
      expect(read([stream.slice(0, at), stream.slice(at)])).toBe(inside);
    }
  });

  it("holds back nothing that cannot be the end of the frame", () => {
    expect(read([`${mark}obuilder: frozen\n`])).toBe("obuilder: frozen\n");
    expect(read([`${mark}obuilder-0`])).toBe(mark.startsWith("obuilder-0") ? "" : "obuilder-0");
  });

  it("knows its position, and the last bytes before the frame", () => {
    const reader = frameReader(mark, () => undefined);
    void reader.add(Buffer.alloc(1_000_000, "x"));
    void reader.add(Buffer.from("no more room"));
    expect(reader.place).toBe("before");
    expect(reader.before).toHaveLength(4_096);
    expect(reader.before.endsWith("no more room")).toBe(true);
    void reader.add(Buffer.from(mark));
    expect([reader.place, reader.before]).toEqual(["inside", ""]);
    void reader.add(Buffer.from(mark));
    expect(reader.place).toBe("after");
  });
});

describe.each(installedShells)("a script in a frame, by %s", (shell) => {
  const play = (script: string, input = "") => {
    const result = spawnSync(shell, ["-c", script, "obuilder", "a b", "c"], { input });
    return { status: result.status, stdout: result.stdout.toString(), stderr: result.stderr.toString() };
  };

  it("prints its mark first, and keeps its arguments and its status", () => {
    expect(play(inFrame(`printf '<%s>' "$@"; echo no >&2; exit 7`, { mark }))).toEqual({
      status: 7,
      stdout: `${mark}<a b><c>`,
      stderr: `${mark}no\n`,
    });
  });

  it("prints it at its end, however it ends", () => {
    const framed = (script: string) => play(inFrame(script, { mark, marksEnd: true }));
    expect(framed(`printf '<%s>' "$@"; exit 7`)).toEqual({
      status: 7,
      stdout: `${mark}<a b><c>${mark}`,
      stderr: `${mark}${mark}`,
    });
    expect(framed("exec echo replaced").stdout).toBe(`${mark}replaced\n${mark}`);
  });

  it("reads its input after the mark, to the byte, and fails without it", () => {
    const script = inFrame("exec cat", { mark, marksInput: true });
    const input = "\n \\ no line's end";
    expect(play(script, `${inputStart(mark)}${input}`)).toMatchObject({ status: 0, stdout: mark + input });
    expect(play(script, `x\n${mark}\n${input}`)).toMatchObject({ status: 0, stdout: mark + input });
    expect(play(script, "")).toMatchObject({ status: 125, stdout: mark });
  });
});
