import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type * as Fs from "node:fs";
import { diskIn, type LayerId, layerLock, resultDirectory, stagingDirectory, within } from "@ob/core";
import { isFree, isLockedExclusively } from "@ob/qcow2";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { tryBeginLayer } from "./layer-writer.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";
import { beginLayer } from "./writer.test.helper.ts";

/** Called with each file or directory that is flushed. */
const flushes = vi.hoisted((): { onFlush: (path: string | number) => void } => ({
  onFlush: () => undefined,
}));
vi.mock("@ob/qcow2", async (original) => {
  const all = await original<typeof Qcow2>();
  const noting =
    (sync: (path: string) => Promise<void>) =>
    async (path: string): Promise<void> => {
      flushes.onFlush(path);
      await sync(path);
    };
  return { ...all, syncPath: noting(all.syncPath), syncTree: noting(all.syncTree) };
});
vi.mock("node:fs", async (original) => {
  const all = await original<typeof Fs>();
  const fsyncSync = (file: number): void => {
    flushes.onFlush(file);
    all.fsyncSync(file);
  };
  return {
    ...all,
    fsyncSync,
    closeSync: vi.fn<typeof all.closeSync>(all.closeSync),
    writeSync: vi.fn<typeof all.writeSync>(all.writeSync),
  };
});
const fs = await import("node:fs");

const id = idOf("new");
let here: PlainStore;
let base: LayerId;
beforeEach(async () => {
  flushes.onFlush = () => undefined;
  here = await plainStore();
  base = here.add("base");
});
afterEach(async () => {
  vi.mocked(fs.writeSync).mockRestore();
  await here[Symbol.asyncDispose]();
});

const staging = () => stagingDirectory(here.context.layout, id);
const result = () => resultDirectory(here.context.layout, id);
const isUnlocked = (layer: LayerId) => isFree(layerLock(here.context.layout, layer));
const ended = `the writer of ${id} has ended`;

describe("beginning a layer", () => {
  it("locks it, and makes a directory and a log of its owner's in place of what was left", async () => {
    mkdirSync(staging());
    writeFileSync(within(staging(), "old"), "");
    await using writer = await beginLayer(here, id);
    expect(writer.id).toBe(id);
    expect(isLockedExclusively(layerLock(here.context.layout, id))).toBe(true);
    expect(readdirSync(staging())).toEqual(["log"]);
    expect(statSync(staging()).mode & 0o777).toBe(0o700);
    expect(statSync(within(staging(), "log")).mode & 0o777).toBe(0o600);
    expect(await tryBeginLayer(here.context, id)).toBeUndefined();
    expect(existsSync(staging())).toBe(true);
  });

  it("that fails leaves no lock", async () => {
    rmSync(here.context.layout.temporary, { recursive: true });
    await expect(tryBeginLayer(here.context, id)).rejects.toThrow("ENOENT");
    expect(isUnlocked(id)).toBe(true);
  });
});

describe("the log of a layer", () => {
  it("has all that was appended, in however many writes", async () => {
    await using writer = await beginLayer(here, id);
    const { writeSync } = await vi.importActual<typeof Fs>("node:fs");
    vi.mocked(fs.writeSync).mockImplementation(((file: number, bytes: Buffer, at: number) =>
      writeSync(file, bytes, at, Math.min(3, bytes.length - at))) as typeof writeSync);
    writer.appendLog(Buffer.from("one two three\n"));
    writer.appendLog(Buffer.from("four\n"));
    expect(readFileSync(within(staging(), "log"), "utf8")).toBe("one two three\nfour\n");
    expect(vi.mocked(fs.writeSync)).toHaveBeenCalledTimes(7);
  });

  it("that cannot be written is an error that names the layer", async () => {
    await using writer = await beginLayer(here, id);
    vi.mocked(fs.writeSync).mockImplementationOnce(() => {
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    });
    expect(() => writer.appendLog(Buffer.from("x"))).toThrow(
      expect.objectContaining({ code: "NO_SPACE", message: `Cannot write the log of layer ${id}: full` }),
    );
  });

  it("is closed with the writer", async () => {
    const writer = await beginLayer(here, id);
    vi.mocked(fs.closeSync).mockClear();
    await writer[Symbol.asyncDispose]();
    expect(vi.mocked(fs.closeSync)).toHaveBeenCalledTimes(1);
    expect(() => writer.appendLog(Buffer.from("x"))).toThrow(ended);
    await expect(writer.createDisk(base)).rejects.toThrow(ended);
    await expect(writer.commit()).rejects.toThrow(ended);
  });
});

describe("committing a layer", () => {
  it("puts it in its place with its log, row and step, and ends the writer", async () => {
    const writer = await beginLayer(here, id);
    writer.appendLog(Buffer.from("done\n"));
    await writer.createDisk(base);
    const step = { op: "run", heading: "make", inputs: { a: 1 } } as const;
    const layer = await writer.commit(step);
    expect(layer).toEqual({ id, directory: result(), disk: diskIn(result()) });
    expect(readFileSync(within(result(), "log"), "utf8")).toBe("done\n");
    const { database, layout } = here.context;
    expect([database.parentOf(id), database.pending()]).toEqual([base, []]);
    const recorded = database.steps.all().get(id);
    expect(recorded).toMatchObject(step);
    expect(recorded?.milliseconds).toBeLessThan(600_000);
    expect(recorded?.milliseconds).toBeGreaterThanOrEqual(0);
    expect(readdirSync(layout.temporary)).toEqual([]);
    expect([isUnlocked(id), isUnlocked(base)]).toEqual([true, true]);
    expect(() => writer.appendLog(Buffer.from("x"))).toThrow(ended);
    await writer[Symbol.asyncDispose]();
    expect(here.has(id)).toBe(true);
  });

  it("ends its log before it appears: a layer never changes", async () => {
    await using writer = await beginLayer(here, id);
    await writer.createDisk(base);
    flushes.onFlush = (path) => {
      if (path === staging()) expect(() => writer.appendLog(Buffer.from("x"))).toThrow(ended);
    };
    await writer.commit();
    expect(readFileSync(within(result(), "log"), "utf8")).toBe("");
  });

  it("records no step if there is none", async () => {
    await using writer = await beginLayer(here, id);
    await writer.createDisk(base);
    await writer.commit();
    expect(here.context.database.steps.all().size).toBe(0);
  });

  it("flushes its files before it is renamed, and the directories before its row is written", async () => {
    const { database, layout } = here.context;
    await using writer = await beginLayer(here, id);
    await writer.createDisk(base);
    const seen: unknown[] = [];
    flushes.onFlush = (path) =>
      seen.push([
        typeof path === "number" ? "log" : path,
        here.has(id),
        database.has(id),
        database.pending().map(({ id: each, parent }) => [each, parent]),
        isFree(within(layout.locks, "gate")),
      ]);
    await writer.commit();
    expect(seen).toEqual([
      ["log", false, false, [], true],
      [staging(), false, false, [], true],
      [layout.results, true, false, [[id, base]], false],
      [layout.temporary, true, false, [[id, base]], false],
    ]);
  });

  it("without a disk is a mistake of its caller's", async () => {
    await using writer = await beginLayer(here, id);
    await expect(writer.commit()).rejects.toThrow(new TypeError(`layer ${id} has no disk yet`));
    expect(isUnlocked(id)).toBe(false);
  });

  it("that was made meanwhile leaves that one as it is", async () => {
    const writer = await beginLayer(here, id);
    await writer.createDisk(base);
    here.add("new", base);
    writeFileSync(within(result(), "log"), "of the other\n");
    expect(await writer.commit()).toEqual({ id, directory: result(), disk: diskIn(result()) });
    expect(readFileSync(within(result(), "log"), "utf8")).toBe("of the other\n");
    expect(existsSync(staging())).toBe(false);
  });

  it("takes the place of one that lost its disk, whose dependents go", async () => {
    here.add("new", base);
    const child = here.add("child", id);
    rmSync(within(result(), "rootfs"), { recursive: true });
    await using writer = await beginLayer(here, id);
    await writer.createDisk(base);
    await writer.commit();
    expect([here.has(id), here.has(child)]).toEqual([true, false]);
    expect(here.context.database.has(child)).toBe(false);
    expect(readdirSync(result()).toSorted()).toEqual(["log", "rootfs"]);
  });

  it("that fails is an error that names it, and the writer can still be disposed of", async () => {
    const writer = await beginLayer(here, id);
    await writer.createDisk(base);
    flushes.onFlush = () => {
      throw Object.assign(new Error("odd"), { code: "EIO" });
    };
    await expect(writer.commit()).rejects.toMatchObject({
      ...{ code: "STORE", message: `Cannot commit layer ${id}: odd` },
    });
    await writer[Symbol.asyncDispose]();
    expect(readdirSync(staging())).toEqual(["log"]);
    expect([isUnlocked(id), isUnlocked(base)]).toEqual([true, true]);
  });
});

describe("disposing of a writer", () => {
  it("leaves the log, and lets the layer and its parent go", async () => {
    const writer = await beginLayer(here, id);
    await writer.createDisk(base);
    writeFileSync(within(staging(), "env"), "");
    await writer[Symbol.asyncDispose]();
    expect(readdirSync(staging())).toEqual(["log"]);
    expect([isUnlocked(id), isUnlocked(base)]).toEqual([true, true]);
  });

  it("a second time does nothing to the next writer", async () => {
    const writer = await beginLayer(here, id);
    await writer[Symbol.asyncDispose]();
    await using next = await beginLayer(here, id);
    const disk = await next.createDisk(base);
    await writer[Symbol.asyncDispose]();
    expect([existsSync(disk), isUnlocked(id)]).toEqual([true, false]);
  });

  it("succeeds without its directory", async () => {
    const writer = await beginLayer(here, id);
    rmSync(staging(), { recursive: true });
    await writer[Symbol.asyncDispose]();
    expect(isUnlocked(id)).toBe(true);
  });
});
