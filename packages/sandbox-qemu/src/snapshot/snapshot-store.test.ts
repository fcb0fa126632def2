import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileIdentity, type ObEvent, sha256 } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SnapshotKey } from "./snapshot-key.ts";
import { SnapshotStore } from "./snapshot-store.ts";

let stateDirectory: string;
let layer: string;
let program: string;
let events: ObEvent[];

beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "snapshot-store-"));
  layer = join(stateDirectory, "layer");
  await writeFile(layer, "the layer");
  program = join(stateDirectory, "qemu");
  await writeFile(program, "the program");
  events = [];
});
afterEach(async () => await rm(stateDirectory, { recursive: true }));

const open = async (space = 2 ** 30): Promise<SnapshotStore> =>
  await SnapshotStore.open({ stateDirectory, space, emit: (event) => void events.push(event) });

async function keyOf(name: string): Promise<SnapshotKey> {
  const [files, contents] = [[await fileIdentity(program)], [await fileIdentity(layer)]];
  return { name: sha256(name), point: "ready", files, contents };
}

/** Stands for a VM that is saved. */
const written =
  (size = 10_000) =>
  async (directory: string): Promise<void> => {
    for (const part of ["state", "memory", "disk.qcow2"]) {
      await writeFile(join(directory, part), Buffer.alloc(size, part));
    }
  };

async function save(
  name: string,
  store: SnapshotStore,
  { size, costMs = 1 }: { size?: number; costMs?: number } = {},
): Promise<SnapshotKey> {
  const key = await keyOf(name);
  expect(store.reserve(key)).toBe(true);
  await store.save(key, { costMs, write: written(size) });
  store.release(key);
  await store[Symbol.asyncDispose]();
  return key;
}

async function has(store: SnapshotStore, key: SnapshotKey): Promise<boolean> {
  await using found = await store.find(key);
  return found !== undefined;
}

const partOf = ({ name }: SnapshotKey, part: string): string => join(stateDirectory, "snapshots", name, part);

describe("a snapshot", () => {
  it("is found by another process, and overwrites a fresh disk with its own", async () => {
    const key = await save("a", await open());
    await using found = await (await open()).find(key);
    const disk = join(stateDirectory, "disk");
    await found?.copyDisk(disk);
    await expect(readFile(disk, "utf8")).resolves.toMatch(/^(disk\.qcow2)+/);
    expect(found?.saved.memory).toBeGreaterThan(2);
    await expect(readdir(join(stateDirectory, "run"))).resolves.toEqual([]);
  });

  it.each([
    ["was truncated", async (key: SnapshotKey) => await truncate(partOf(key, "memory"), 5)],
    ["grew", async (key: SnapshotKey) => await appendFile(partOf(key, "state"), "x")],
    ["lost a file", async (key: SnapshotKey) => await rm(partOf(key, "disk.qcow2"))],
    ["lost its record", async (key: SnapshotKey) => await rm(partOf(key, "snapshot.json"))],
    [
      "has an incomplete record",
      async (key: SnapshotKey) => await truncate(partOf(key, "snapshot.json"), 30),
    ],
    ["belongs to a QEMU that was replaced", async () => await writeFile(program, "the program")],
    ["belongs to a QEMU that is gone", async () => await rm(program)],
  ])("that %s is not used, and is removed by the next start", async (_, spoil) => {
    const store = await open();
    const key = await save("a", store);
    await expect(has(store, key)).resolves.toBe(true);
    await spoil(key);
    await expect(has(store, key)).resolves.toBe(false);
    await open();
    await expect(readdir(join(stateDirectory, "snapshots"))).resolves.toEqual([]);
  });

  it("is found for a layer that was imported again, which is read once", async () => {
    const old = await save("a", await open());
    await rm(layer);
    const store = await open();
    await writeFile(layer, "the layer");
    const key = await keyOf("a");
    expect(key.contents).not.toStrictEqual(old.contents);
    await expect(has(store, key)).resolves.toBe(true);
    await expect(readFile(partOf(key, "snapshot.json"), "utf8")).resolves.toContain(key.contents[0]?.id);
    await expect(readdir(partOf(key, "."))).resolves.toHaveLength(5);
  });

  it("is not found for a layer with other bytes, and is removed", async () => {
    await save("a", await open());
    const store = await open();
    const replacement = `${layer}-new`;
    await writeFile(replacement, "the LAYER");
    await rename(replacement, layer);
    const key = await keyOf("a");
    await expect(has(store, key)).resolves.toBe(false);
    await expect(stat(partOf(key, "."))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("keeps a baseline until it is removed", async () => {
    const store = await open();
    const key = await save("a", store);
    await using found = await store.find(key);
    await expect(found?.baselineFile.read()).resolves.toBeUndefined();
    await found?.baselineFile.write("baseline");
    await using again = await (await open()).find(key);
    await expect(again?.baselineFile.read()).resolves.toBe("baseline");
    await expect(readdir(partOf(key, "."))).resolves.toHaveLength(6);
    await store.evict(key);
    await found?.baselineFile.write("baseline");
    await expect(found?.baselineFile.read()).resolves.toBeUndefined();
  });

  it("that is removed can still be resumed by those who hold it open", async () => {
    const store = await open();
    const key = await save("a", store);
    await using found = await store.find(key);
    await store.evict(key);
    await expect(has(store, key)).resolves.toBe(false);
    const { memory } = found?.saved ?? { memory: 0 };
    await expect(readFile(`/proc/self/fd/${memory}`, "utf8")).resolves.toMatch(/^(memory)+/);
  });

  it("that two processes have taken is kept once", async () => {
    const [one, other] = [await open(), await open()];
    const key = await save("a", one);
    const { ino } = await stat(partOf(key, "memory"));
    await save("a", other);
    expect((await stat(partOf(key, "memory"))).ino).toBe(ino);
    await expect(readdir(join(stateDirectory, "run"))).resolves.toEqual([]);
  });
});

it("snapshots of older versions are removed", async () => {
  const old = join(stateDirectory, "templates");
  await mkdir(join(old, "key"), { recursive: true });
  await open();
  await expect(stat(old)).rejects.toMatchObject({ code: "ENOENT" });
});

it("a snapshot of a layer that is gone is removed by the next start", async () => {
  const store = await open();
  const other = { ...(await keyOf("a")), files: [await fileIdentity(layer)], contents: [] };
  expect(store.reserve(other)).toBe(true);
  await store.save(other, { costMs: 1, write: written() });
  await store[Symbol.asyncDispose]();
  await expect(has(store, other)).resolves.toBe(true);
  await rm(layer);
  await expect(has(store, other)).resolves.toBe(false);
  await open();
  await expect(readdir(join(stateDirectory, "snapshots"))).resolves.toEqual([]);
});

describe("the space of snapshots", () => {
  /** As if it had been used last so many days ago. */
  const useBefore = async (key: SnapshotKey, days: number): Promise<void> => {
    const time = Date.now() / 1000 - days * 86_400;
    await utimes(partOf(key, "snapshot.json"), time, time);
  };
  const areLeft = async (store: SnapshotStore, keys: readonly SnapshotKey[]): Promise<readonly boolean[]> =>
    await Promise.all(keys.map((key) => has(store, key)));

  it("is limited by removing the one that was not used for the longest time, of those that save as much", async () => {
    const store = await open(130_000);
    const [first, second] = [await save("1", store), await save("2", store)];
    await useBefore(first, 2);
    await useBefore(second, 1);
    // Finding it counts as a use.
    await expect(has(store, first)).resolves.toBe(true);
    const third = await save("3", store);
    await expect(areLeft(store, [first, second, third])).resolves.toEqual([true, false, true]);
  });

  it("is kept for what saves most time for its size, times its uses", async () => {
    const store = await open(130_000);
    const slow = await save("slow", store, { costMs: 5000 });
    const used = await save("used", store, { costMs: 1000 });
    for (let uses = 0; uses < 8; uses++) await has(store, used);
    await useBefore(slow, 1);
    await useBefore(used, 1);
    const third = await save("3", store, { costMs: 10 });
    await expect(areLeft(store, [slow, used, third])).resolves.toEqual([false, true, true]);
  });

  it("is never taken from the snapshot that was just taken, which would only be taken again", async () => {
    const store = await open(130_000);
    const [first, second] = [
      await save("1", store, { costMs: 9000 }),
      await save("2", store, { costMs: 8000 }),
    ];
    const third = await save("3", store, { costMs: 1 });
    await expect(areLeft(store, [first, second, third])).resolves.toEqual([true, false, true]);
  });

  it("does not depend on a usage that is not as it was written", async () => {
    const store = await open(130_000);
    const [first, second] = [await save("1", store), await save("2", store)];
    await writeFile(partOf(first, "usage.json"), '{"costMs": "much"');
    const third = await save("3", store);
    await expect(areLeft(store, [first, second, third])).resolves.toEqual([false, true, true]);
  });

  it("may be too small for a snapshot, which is then not tried again", async () => {
    const store = await open(50_000);
    const key = await save("a", store, { size: 100_000 });
    await expect(has(store, key)).resolves.toBe(false);
    expect(store.reserve(key)).toBe(false);
    expect(JSON.stringify(events)).toContain("the VM snapshot was not kept");
  });

  it("may be zero, which removes all snapshots", async () => {
    const key = await save("a", await open());
    const store = await open(0);
    await expect(has(store, key)).resolves.toBe(false);
    expect(store.reserve(key)).toBe(false);
  });
});

describe("taking a snapshot", () => {
  it("that fails leaves no files, and is not tried again", async () => {
    const store = await open();
    const key = await keyOf("a");
    expect(store.reserve(key)).toBe(true);
    const write = async (directory: string): Promise<void> => {
      await writeFile(join(directory, "state"), "half");
      throw new Error("no");
    };
    const failing = store.save(key, { costMs: 1, write });
    await expect(failing).rejects.toThrow("no");
    store.release(key);
    expect(store.reserve(key)).toBe(false);
    await expect(readdir(join(stateDirectory, "run"))).resolves.toEqual([]);
  });

  it("is reserved for one caller at a time", async () => {
    const store = await open();
    const key = await keyOf("a");
    expect([store.reserve(key), store.reserve(key)]).toEqual([true, false]);
    store.release(key);
    expect(store.reserve(key)).toBe(true);
  });
});
