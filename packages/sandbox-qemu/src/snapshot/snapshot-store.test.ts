import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
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
let events: ObEvent[];

beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "template-store-"));
  layer = join(stateDirectory, "layer");
  await writeFile(layer, "the layer");
  events = [];
});
afterEach(async () => await rm(stateDirectory, { recursive: true }));

const open = async (space = 2 ** 30): Promise<SnapshotStore> =>
  await SnapshotStore.open({ stateDirectory, space, emit: (event) => void events.push(event) });

async function keyOf(name: string): Promise<SnapshotKey> {
  return { name: sha256(name), point: "ready", files: [await fileIdentity(layer)] };
}

/** Plays a machine that is saved. */
const written =
  (size = 10_000) =>
  async (directory: string): Promise<void> => {
    for (const part of ["state", "memory", "disk.qcow2"]) {
      await writeFile(join(directory, part), Buffer.alloc(size, part));
    }
  };

async function save(name: string, store: SnapshotStore, size?: number): Promise<SnapshotKey> {
  const key = await keyOf(name);
  expect(store.reserve(key)).toBe(true);
  await store.save(key, written(size));
  store.release(key);
  await store[Symbol.asyncDispose]();
  return key;
}

async function has(store: SnapshotStore, key: SnapshotKey): Promise<boolean> {
  await using found = await store.find(key);
  return found !== undefined;
}

const templates = join("templates");
const partOf = ({ name }: SnapshotKey, part: string): string => join(stateDirectory, templates, name, part);

describe("a template", () => {
  it("is found by another process, and puts its disk in the place of a fresh one", async () => {
    const key = await save("a", await open());
    await using found = await (await open()).find(key);
    const disk = join(stateDirectory, "disk");
    await found?.copyDisk(disk);
    await expect(readFile(disk, "utf8")).resolves.toMatch(/^(disk\.qcow2)+/);
    expect(found?.saved.memory).toBeGreaterThan(2);
    await expect(readdir(join(stateDirectory, "run"))).resolves.toEqual([]);
  });

  it.each([
    ["was cut off", async (key: SnapshotKey) => await truncate(partOf(key, "memory"), 5)],
    ["grew", async (key: SnapshotKey) => await appendFile(partOf(key, "state"), "x")],
    ["lost a file", async (key: SnapshotKey) => await rm(partOf(key, "disk.qcow2"))],
    ["lost its record", async (key: SnapshotKey) => await rm(partOf(key, "template.json"))],
    ["has a torn record", async (key: SnapshotKey) => await truncate(partOf(key, "template.json"), 30)],
    ["belongs to a layer that was replaced", async () => await writeFile(layer, "another layer")],
    ["belongs to a layer that is gone", async () => await rm(layer)],
  ])("that %s is not used, and goes with the next start", async (_, spoil) => {
    const store = await open();
    const key = await save("a", store);
    await expect(has(store, key)).resolves.toBe(true);
    await spoil(key);
    await expect(has(store, key)).resolves.toBe(false);
    await open();
    await expect(readdir(join(stateDirectory, templates))).resolves.toEqual([]);
  });

  it("keeps what was noted of its guests, and loses it with itself", async () => {
    const store = await open();
    const key = await save("a", store);
    await using found = await store.find(key);
    await expect(found?.baseline.read()).resolves.toBeUndefined();
    await found?.baseline.keep("noted");
    await using again = await (await open()).find(key);
    await expect(again?.baseline.read()).resolves.toBe("noted");
    await expect(readdir(partOf(key, "."))).resolves.toHaveLength(5);
    await store.evict(key);
    await found?.baseline.keep("noted");
    await expect(found?.baseline.read()).resolves.toBeUndefined();
  });

  it("that somebody removes stays whole for who has it", async () => {
    const store = await open();
    const key = await save("a", store);
    await using found = await store.find(key);
    await store.evict(key);
    await expect(has(store, key)).resolves.toBe(false);
    const { memory } = found?.saved ?? { memory: 0 };
    await expect(readFile(`/proc/self/fd/${memory}`, "utf8")).resolves.toMatch(/^(memory)+/);
  });

  it("that two have saved is kept once", async () => {
    const [one, other] = [await open(), await open()];
    const key = await save("a", one);
    const { ino } = await stat(partOf(key, "memory"));
    await save("a", other);
    expect((await stat(partOf(key, "memory"))).ino).toBe(ino);
    await expect(readdir(join(stateDirectory, "run"))).resolves.toEqual([]);
  });
});

describe("the space of templates", () => {
  it("is kept by removing what was used longest ago", async () => {
    const store = await open(100_000);
    const [first, second] = [await save("1", store), await save("2", store)];
    await utimes(partOf(first, "template.json"), 1, 1);
    await utimes(partOf(second, "template.json"), 2, 2);
    // Found is used.
    await expect(has(store, first)).resolves.toBe(true);
    const third = await save("3", store);
    const left = await Promise.all([first, second, third].map((key) => has(store, key)));
    expect(left).toEqual([true, false, true]);
  });

  it("can be too little for one, which is not tried again", async () => {
    const store = await open(50_000);
    const key = await save("a", store, 100_000);
    await expect(has(store, key)).resolves.toBe(false);
    expect(store.reserve(key)).toBe(false);
    expect(JSON.stringify(events)).toContain("no template was kept");
  });

  it("can be nothing: then those that are there go", async () => {
    const key = await save("a", await open());
    const store = await open(0);
    await expect(has(store, key)).resolves.toBe(false);
    expect(store.reserve(key)).toBe(false);
  });
});

describe("saving", () => {
  it("that fails leaves nothing, and is not tried again", async () => {
    const store = await open();
    const key = await keyOf("a");
    expect(store.reserve(key)).toBe(true);
    const failing = store.save(key, async (directory) => {
      await writeFile(join(directory, "state"), "half");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    store.release(key);
    expect(store.reserve(key)).toBe(false);
    await expect(readdir(join(stateDirectory, "run"))).resolves.toEqual([]);
  });

  it("is one caller's at a time", async () => {
    const store = await open();
    const key = await keyOf("a");
    expect([store.reserve(key), store.reserve(key)]).toEqual([true, false]);
    store.release(key);
    expect(store.reserve(key)).toBe(true);
  });
});
