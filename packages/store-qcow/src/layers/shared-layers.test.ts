import { appendFile, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layerBackingPath, type Layer, type LayerId, layerId, run, sha256, sha256File } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackgroundWork } from "../background.ts";
import { flattenLayer } from "../chain/flatten.ts";
import type { StoreContext } from "../context.ts";
import type { StoreOptions } from "../store.ts";
import { StoreDatabase } from "../db/database.ts";
import { originalImage, writeOriginalStore } from "../original.test.helper.ts";
import {
  hasPattern,
  idOf,
  importBase,
  logOf,
  makeImage,
  makeLayer,
  type TemporaryStore,
  temporaryStore,
} from "../temporary-store.test.helper.ts";

let here: TemporaryStore;
let there: TemporaryStore;
let base: Layer;
let layers: readonly Layer[];

/** The disks that were checked confined, and how often that has ended. */
let confined: string[] = [];

const confine: StoreOptions["confine"] = async (file) => {
  confined.push(file);
  return {
    command: ["env"],
    [Symbol.asyncDispose]: async () => void confined.push(`${file} is checked`),
  };
};

/** Two stores with one base image; the first has three layers on it. */
beforeEach(async () => {
  confined = [];
  [here, there] = [await temporaryStore(), await temporaryStore({ confine })];
  await makeImage(here.image("debian"));
  await copyFile(here.image("debian"), there.image("debian"));
  base = await importBase(here.store, "debian");
  await importBase(there.store, "debian");
  const made: Layer[] = [];
  for (const n of [1, 2, 3]) {
    const parent = made.at(-1)?.id ?? base.id;
    made.push(await makeLayer(here.store, { id: idOf(`s${n}`), parent, fill: n, offset: n << 20 }));
  }
  layers = made;
});

afterEach(async () => {
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
});

async function flatten(store: TemporaryStore, id: LayerId): Promise<void> {
  const { layout } = store.store;
  const emit = () => undefined;
  using database = new StoreDatabase(layout.database);
  const context: StoreContext = {
    layout,
    database,
    emit,
    background: new BackgroundWork(emit),
    diskSize: undefined,
    confine: undefined,
  };
  await flattenLayer(context, id, { fromLength: 2 });
}

interface Taken {
  readonly id: LayerId;
  readonly parent: LayerId;
  readonly digest: string;
  readonly from: string;
}

async function take({ id, parent, digest, from }: Taken): Promise<Layer> {
  await using writer = await there.store.tryBegin(id);
  if (!writer) throw new Error(`another caller makes ${id}`);
  writer.appendLog(Buffer.from("from here\n"));
  await writer.importLayer({ parent, digest, write: (path) => copyFile(from, path) });
  return await writer.commit();
}

/** Takes all layers of a chain to the other store. */
async function takeChain(id: LayerId): Promise<void> {
  await using held = await here.store.holdLayer(id);
  let parent: LayerId | undefined;
  for (const { layer, disk, digest } of held?.chain ?? []) {
    if (parent && !(await there.store.find(layer))) await take({ id: layer, parent, digest, from: disk });
    parent = layer;
  }
}

const top = (): Layer => layers.at(-1) ?? base;
const diskOf = async (store: TemporaryStore, id: LayerId) => (await store.store.find(id))?.disk ?? "";

async function expectSameDisk(id: LayerId): Promise<void> {
  const format = ["-f", "qcow2", "-F", "qcow2"];
  const { stdout } = await run([
    "qemu-img",
    "compare",
    ...format,
    await diskOf(here, id),
    await diskOf(there, id),
  ]);
  expect(stdout).toBe("Images are identical.");
}

describe("a chain that another store takes", () => {
  it("is the same there, with its log, and is a base for more", async () => {
    await takeChain(top().id);
    await expectSameDisk(top().id);
    expect(await logOf(there.store, top().id)).toBe("from here\n");
    // The base image, and each layer where it was made.
    const checked = confined.filter((file) => !file.endsWith(" is checked"));
    expect(checked).toEqual([there.image("debian"), ...layers.map(() => expect.stringMatching(/qcow2$/))]);
    expect(confined).toEqual(checked.flatMap((file) => [file, `${file} is checked`]));
    for (const { id } of [base, ...layers]) {
      expect(await there.store.layerDigests(id)).toEqual(await here.store.layerDigests(id));
    }
    const next = await makeLayer(there.store, {
      id: idOf("next"),
      parent: top().id,
      fill: 9,
      offset: 9 << 20,
    });
    expect(await hasPattern(next.disk, { fill: 3, offset: 3 << 20 })).toBe(true);
    expect(await there.store.delete(base.id)).toHaveLength(5);
  });

  it("keeps its digests when its disk is flattened, here or there", async () => {
    const before = await here.store.layerDigests(top().id);
    await takeChain(top().id);
    for (const store of [here, there]) {
      await flatten(store, top().id);
      expect(await sha256File(await diskOf(store, top().id))).not.toBe(before[0]);
      expect(await store.store.layerDigests(top().id)).toEqual(before);
    }
    await expectSameDisk(top().id);
    // The flattened file is given away as what it is, and the digest that it had is known still.
    await using held = await here.store.holdLayer(top().id);
    expect(held?.chain.map(({ layer }) => layer)).toEqual([base.id, top().id]);
    const flat = held?.chain.at(-1)?.digest ?? "";
    expect(flat).toBe(await sha256File(top().disk));
    expect(await here.store.layerDigests(top().id)).toEqual([before[0], flat]);
  });

  it("is taken as it is if it was flattened before its digests were known", async () => {
    await flatten(here, top().id);
    await takeChain(top().id);
    await expectSameDisk(top().id);
    expect(await there.store.find(idOf("s1"))).toBeUndefined();
    expect(await there.store.layerDigests(top().id)).toEqual([await sha256File(top().disk)]);
  });

  it("is not flattened while it is held", async () => {
    const held = await here.store.holdLayer(top().id);
    const { ino } = await stat(top().disk);
    await flatten(here, top().id);
    expect((await stat(top().disk)).ino).toBe(ino);
    await held?.[Symbol.asyncDispose]();
    await flatten(here, top().id);
    expect((await stat(top().disk)).ino).not.toBe(ino);
    expect(await readdir(join(here.directory, "state/locks"))).toEqual([]);
  });
});

it("the digest of a layer that another program has made again is not the one that was recorded", async () => {
  const [before] = await here.store.layerDigests(top().id);
  await run(["qemu-io", "-f", "qcow2", "-c", "write -P 77 8M 64k", top().disk]);
  const [after] = await here.store.layerDigests(top().id);
  expect(after).not.toBe(before);
  expect(after).toBe(await sha256File(top().disk));
});

it("a base layer of the original is known by its copy of the image", async () => {
  await using original = await temporaryStore({
    prepare: async (directory) => void (await writeOriginalStore(directory)),
  });
  const image = await sha256File(original.image(originalImage));
  const child = layerId(sha256("child"));
  await using held = await original.store.holdLayer(child);
  expect(held?.chain.map(({ layer }) => layer)).toEqual([layerId(sha256(originalImage)), child]);
  expect(held?.chain[0]?.digest).toBe(image);
  expect(await original.store.layerDigests(held?.chain[0]?.layer ?? idOf("none"))).toEqual([image]);
});

describe("a disk from elsewhere is refused, and leaves nothing but its log", () => {
  const id = idOf("foreign");

  async function expectRefused(
    change: (path: string) => Promise<unknown>,
    message: string | RegExp,
  ): Promise<void> {
    const directory = join(there.directory, "foreign", "a", "b");
    await mkdir(directory, { recursive: true });
    const from = join(directory, "disk");
    await copyFile(layers[0]?.disk ?? "", from);
    await change(from);
    await expect(take({ id, parent: base.id, digest: await sha256File(from), from })).rejects.toThrow(
      message,
    );
    expect(await there.store.find(id)).toBeUndefined();
    expect(await readdir(join(there.directory, "result-tmp", id))).toEqual(["log"]);
  }

  const rebased = (to: string) => (path: string) =>
    run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", to, path]);

  it.each<[string, (path: string) => Promise<unknown>, string | RegExp]>([
    ["a file of the host under it", rebased("/etc/hostname"), "its backing file is"],
    ["the path of another layer", rebased(layerBackingPath(id)), "its backing file is"],
    ["an absolute path of the right layer", rebased("/x/result/y"), "its backing file is"],
    ["JSON as the name of its backing file", rebased('json:{"driver":"nbd"}'), "its backing file is"],
    ["a text", (path) => writeFile(path, "#!/bin/sh"), "not a qcow2 file"],
    [
      "a cut file",
      async (path) => writeFile(path, (await readFile(path)).subarray(0, 200_000)),
      /tables|refused/,
    ],
    ["tables that lead nowhere", scramble, "refused"],
  ])("%s", async (_, change, message) => {
    await expectRefused(change, message);
  });

  it("other bytes than the digest says", async () => {
    const from = join(there.directory, "changed");
    await copyFile(layers[0]?.disk ?? "", from);
    const digest = await sha256File(from);
    await appendFile(from, "x");
    await expect(take({ id, parent: base.id, digest, from })).rejects.toThrow("its sha256 is");
    await rm(from);
    expect(await there.store.find(id)).toBeUndefined();
  });
});

/** Overwrites the entries of the first table with an offset behind the end of the file. */
async function scramble(path: string): Promise<void> {
  const bytes = await readFile(path);
  const table = Number(bytes.readBigUInt64BE(40));
  bytes.writeBigUInt64BE((1n << 63n) | (1n << 40n), table);
  await writeFile(path, bytes);
}
