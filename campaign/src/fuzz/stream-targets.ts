import { Readable } from "node:stream";
import * as fc from "fast-check";
import { SerialConsole } from "../../../packages/qemu/src/process/serial-console.ts";
import { frameReader, markFilter } from "../../../packages/sandbox-qemu/src/ssh/frame.ts";
import { ScriptOutput } from "../../../packages/sandbox-qemu/src/ssh/script-output.ts";
import { cuts, mutated, pieces } from "./mutated.ts";
import { type Target, target } from "./target.ts";

/** As `newMark` makes it. */
const mark = "obuilder-0123456789abcdef01234567";

const consoles = [
  "\u001b[2J\u001b[0;1mBooting\r\n[    0.000000] Linux version 6.1\r\nlogin: ",
  "[   12.3] Kernel panic - not syncing: VFS\r\n---[ end Kernel panic ]---\r\n",
  "\u001b(B\u001b]0;title\u0007\u0000\u0008x\n".repeat(5),
];
const outputs = [
  `a start-up file\n${mark}>output\nmore\n${mark} 0\n`,
  `${mark}${mark}`,
  `x${mark}inside${mark}after`,
  `obuilder-obuilder-0123${mark}o${mark.slice(0, -1)}${mark}`,
];

const streamed = (examples: readonly string[]) => fc.tuple(mutated(examples), cuts);

/** What arrives in pieces: it must mean the same however it is cut. */
export const streamTargets: readonly Target[] = [
  target("console streams", streamed(consoles), ([all, at]) => {
    const panics: string[] = [];
    const stream = new Readable({ read: () => undefined });
    const console = new SerialConsole(stream, {
      panic: /Kernel panic.*\n/,
      onPanic: (line) => void panics.push(line),
    });
    for (const piece of pieces(all, at)) stream.emit("data", piece);
    if (panics.length > 1) throw new Error(`a guest panicked ${panics.length} times`);
    const tail = console.tail(5);
    if (tail.includes("\u001b[")) throw new Error(`an escape sequence is left: ${JSON.stringify(tail)}`);
  }),
  target("marks in SSH output", streamed(outputs), ([all, at]) => {
    const through = (parts: readonly Buffer[]): string => {
      const passed: Uint8Array[] = [];
      const filter = markFilter(mark, (bytes) => void passed.push(Buffer.from(bytes)));
      for (const part of parts) void filter.add(part);
      void filter.end();
      return Buffer.concat(passed).toString("latin1");
    };
    const expected = all.toString("latin1").replace(mark, "");
    const found = through(pieces(all, at));
    if (found !== expected)
      throw new Error(`${JSON.stringify(expected)} is passed on as ${JSON.stringify(found)}`);
  }),
  target("frames in SSH output", streamed(outputs), ([all, at]) => {
    const passed: Uint8Array[] = [];
    const reader = frameReader(mark, (bytes) => void passed.push(Buffer.from(bytes)));
    for (const part of pieces(all, at)) void reader.add(part);
    const [, ...rest] = all.toString("latin1").split(mark);
    const found = Buffer.concat(passed).toString("latin1");
    const [inside = ""] = rest;
    // What may be the start of the end is held back.
    const isRight =
      rest.length > 1
        ? found === inside
        : inside.startsWith(found) && inside.length - found.length < mark.length;
    if (!isRight) throw new Error(`${JSON.stringify(inside)} is passed on as ${JSON.stringify(found)}`);
  }),
  target("output of the root shell", streamed(outputs), ([all, at]) => {
    const output = new ScriptOutput(mark);
    const text = all.toString("latin1");
    for (const part of pieces(all, at)) output.add(part.toString("latin1"));
    const [, inside] = new RegExp(`${mark}>([^]*?)\n${mark} `).exec(text) ?? [];
    if (inside !== undefined && output.text !== inside)
      throw new Error(`${JSON.stringify(inside)} is read as ${JSON.stringify(output.text)}`);
  }),
];
