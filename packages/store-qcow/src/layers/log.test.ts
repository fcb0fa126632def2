import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type * as Fs from "node:fs";
import type * as Timers from "node:timers/promises";
import { type LayerId, layerLock, resultDirectory, stagingDirectory, within } from "@ob/core";
import { type Lock, tryLock } from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { readLog, unfinishedLayers } from "./log.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";

/** Called at each pause of a reader, with its length. Nothing waits here. */
const pauses = vi.hoisted(
  (): { onPause: (milliseconds: number, signal: AbortSignal | undefined) => void; turns: number } => ({
    onPause: () => undefined,
    turns: 0,
  }),
);
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof Timers>()),
  setTimeout: async (
    milliseconds: number,
    _value: unknown,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void> => {
    pauses.onPause(milliseconds, options?.signal);
    options?.signal?.throwIfAborted();
  },
  setImmediate: async () => void (pauses.turns += 1),
}));
/** What the clock shows, in milliseconds; it goes on by `step` at each look. */
const clock = vi.hoisted(() => ({ now: 0, step: 0 }));
vi.mock("@ob/core", async (original) => ({
  ...(await original<object>()),
  monotonicMs: () => (clock.now += clock.step),
}));
vi.mock("node:fs", async (original) => {
  const all = await original<typeof Fs>();
  return {
    ...all,
    closeSync: vi.fn<typeof all.closeSync>(all.closeSync),
    readSync: vi.fn<typeof all.readSync>(all.readSync),
  };
});
const fs = await import("node:fs");

const id = idOf("x");
let here: PlainStore;
let writing: Lock | undefined;
beforeEach(async () => {
  here = await plainStore();
  pauses.onPause = () => undefined;
  pauses.turns = 0;
  clock.step = 0;
  vi.mocked(fs.closeSync).mockClear();
  vi.mocked(fs.readSync).mockClear();
});
afterEach(async () => {
  writing?.release();
  writing = undefined;
  await here[Symbol.asyncDispose]();
});

const staging = () => stagingDirectory(here.context.layout, id);
const stagedLog = () => within(staging(), "log");
const result = () => resultDirectory(here.context.layout, id);

async function begin(text?: string): Promise<void> {
  writing = await tryLock(layerLock(here.context.layout, id), "exclusive");
  mkdirSync(staging());
  if (text !== undefined) writeFileSync(stagedLog(), text);
}

async function logOf(layer: LayerId, signal?: AbortSignal): Promise<readonly string[]> {
  const chunks: string[] = [];
  for await (const chunk of readLog(here.context.layout, layer, signal)) {
    chunks.push(Buffer.from(chunk).toString());
  }
  return chunks;
}

describe("the log of a finished layer", () => {
  beforeEach(() => void here.add("x"));

  it("is read to its end, and closed", async () => {
    writeFileSync(within(result(), "log"), "done\n");
    expect(await logOf(id)).toEqual(["done\n"]);
    expect(vi.mocked(fs.closeSync)).toHaveBeenCalledTimes(1);
  });

  it("is empty if the layer has none", async () => {
    expect(await logOf(id)).toEqual([]);
  });

  it("is the one in its own directory", async () => {
    writeFileSync(within(result(), "log"), "done\n");
    mkdirSync(staging());
    writeFileSync(stagedLog(), "of another attempt\n");
    expect(await logOf(id)).toEqual(["done\n"]);
  });

  it.each([
    [0, [1024]],
    [1023, [1024, 1024]],
    [5000, [5001, 5001]],
    [65_535, [65_536, 65_536, 65_536]],
    [200_000, [65_536, 65_536, 65_536, 65_536, 65_536]],
  ])("of %s bytes is read into buffers that fit", async (length, sizes) => {
    writeFileSync(within(result(), "log"), "x".repeat(length));
    expect((await logOf(id)).join("")).toBe("x".repeat(length));
    expect(vi.mocked(fs.readSync).mock.calls.map(([, buffer]) => buffer.byteLength)).toEqual(
      sizes.slice(0, Math.ceil(length / 65_536) + 1),
    );
  });

  it("that grows while it is read is read into the largest buffers then", async () => {
    writeFileSync(within(result(), "log"), "x".repeat(10));
    const { readSync } = await vi.importActual<typeof Fs>("node:fs");
    vi.mocked(fs.readSync).mockImplementationOnce(((file: number, buffer: Buffer) => {
      appendFileSync(within(result(), "log"), "y".repeat(5000));
      return readSync(file, buffer);
    }) as typeof readSync);
    expect((await logOf(id)).join("")).toBe("x".repeat(10) + "y".repeat(5000));
    expect(vi.mocked(fs.readSync).mock.calls.map(([, buffer]) => buffer.byteLength)).toEqual([
      1024, 65_536, 65_536,
    ]);
  });

  it("that is long leaves turns to others", async () => {
    writeFileSync(within(result(), "log"), "x".repeat(65_536 * 10));
    await logOf(id);
    expect(pauses.turns).toBe(0);
    clock.step = 10;
    await logOf(id);
    expect(pauses.turns).toBe(11);
    clock.step = 4;
    pauses.turns = 0;
    await logOf(id);
    expect(pauses.turns).toBeGreaterThan(1);
    expect(pauses.turns).toBeLessThan(8);
  });

  it("is not read after a signal, and closed", async () => {
    writeFileSync(within(result(), "log"), "x".repeat(200_000));
    await expect(logOf(id, AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
    expect(vi.mocked(fs.closeSync)).not.toHaveBeenCalled();
    const controller = new AbortController();
    const reading = readLog(here.context.layout, id, controller.signal);
    expect((await reading.next()).done).toBe(false);
    controller.abort();
    await expect(reading.next()).rejects.toMatchObject({ code: "CANCELLED" });
    expect(vi.mocked(fs.closeSync)).toHaveBeenCalledTimes(1);
  });

  it("that cannot be opened is an error that names it", async () => {
    mkdirSync(within(result(), "log"));
    await expect(logOf(id)).rejects.toThrow("EISDIR");
    rmSync(result(), { recursive: true });
    writeFileSync(result(), "a file where a directory is");
    await expect(logOf(id)).rejects.toMatchObject({
      ...{ code: "STORE", message: expect.stringContaining(`Cannot read the log ${result()}/log: ENOTDIR`) },
    });
  });
});

describe("the log of a layer that is being made", () => {
  it("is followed until its writer ends, also where it is renamed", async () => {
    await begin("one\n");
    let pause = 0;
    pauses.onPause = (milliseconds) => {
      expect(milliseconds).toBe(50);
      pause += 1;
      if (pause === 2) appendFileSync(stagedLog(), "two\n");
      if (pause !== 3) return;
      appendFileSync(stagedLog(), "three\n");
      renameSync(staging(), result());
      writing?.release();
    };
    expect(await logOf(id)).toEqual(["one\n", "two\n", "three\n"]);
    expect(pause).toBe(3);
    expect(vi.mocked(fs.closeSync)).toHaveBeenCalledTimes(1);
  });

  it("ends where it is removed for the next attempt", async () => {
    await begin("one\n");
    pauses.onPause = () => rmSync(staging(), { recursive: true });
    expect(await logOf(id)).toEqual(["one\n"]);
  });

  it("is waited for, and does not come if its writer ends without one", async () => {
    await begin();
    pauses.onPause = () => {
      writeFileSync(stagedLog(), "begun\n");
      pauses.onPause = () => writing?.release();
    };
    expect(await logOf(id)).toEqual(["begun\n"]);
    rmSync(staging(), { recursive: true });
    await begin();
    pauses.onPause = () => writing?.release();
    expect(await logOf(id)).toEqual([]);
  });

  it("is not waited for any longer after a signal", async () => {
    await begin();
    const controller = new AbortController();
    const signals: (AbortSignal | undefined)[] = [];
    pauses.onPause = (_, signal) => {
      signals.push(signal);
      controller.abort();
    };
    await expect(logOf(id, controller.signal)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(signals).toEqual([controller.signal]);
  });
});

describe("the log of a layer that failed", () => {
  it("is read where it was made", async () => {
    await begin("it broke\n");
    writing?.release();
    expect(await logOf(id)).toEqual(["it broke\n"]);
  });

  it("that is not there is an error that says so", async () => {
    await expect(logOf(id)).rejects.toMatchObject({
      ...{ code: "NO_SUCH_LAYER", message: `The store has no log of layer ${id}.` },
      hint: "Only layers that were built, or whose last build failed some days ago at most, have one.",
    });
  });
});

it("layers that are being made or have failed are those with a log", async () => {
  const { layout } = here.context;
  expect(await unfinishedLayers(layout)).toEqual([]);
  await begin("");
  mkdirSync(stagingDirectory(layout, idOf("without")));
  mkdirSync(within(layout.temporary, "borrowed-1"));
  writeFileSync(within(layout.temporary, "borrowed-1", "log"), "");
  here.add("done");
  expect(await unfinishedLayers(layout)).toEqual([id]);
});
