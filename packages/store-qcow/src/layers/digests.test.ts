import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { diskIn, type LayerId, resultDirectory, sha256, stagingDirectory } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keepDigests, knownDigests, readDigests, recordDigest } from "./digests.ts";
import { plainDisk, type PlainStore, plainStore } from "./plain-store.test.helper.ts";

/** Called before a file is read. */
const reads = vi.hoisted((): { onRead: (file: string, signal?: AbortSignal) => void; count: number } => ({
  onRead: () => undefined,
  count: 0,
}));
vi.mock("@ob/core", async (original) => {
  const all = await original<{ sha256File: (file: string) => Promise<string> }>();
  return {
    ...all,
    sha256File: async (file: string, signal?: AbortSignal) => {
      reads.count += 1;
      reads.onRead(file, signal);
      return await all.sha256File(file);
    },
  };
});

let here: PlainStore;
let layer: LayerId;
let file: string;
beforeEach(async () => {
  here = await plainStore();
  layer = here.add("layer");
  file = diskIn(resultDirectory(here.context.layout, layer));
  reads.onRead = () => undefined;
  reads.count = 0;
});
afterEach(async () => await here[Symbol.asyncDispose]());

const plain = sha256(plainDisk());
const known = () => knownDigests(here.context, layer, file);
const stateOf = (path: string) => {
  const { size, mtimeNs } = statSync(path, { bigint: true });
  return { size: Number(size), mtimeNs };
};

describe("the digest of a layer's disk", () => {
  it("is computed once, with the signal", async () => {
    const { signal } = new AbortController();
    const seen = vi.fn<(file: string, signal?: AbortSignal) => void>();
    reads.onRead = seen;
    const { size } = stateOf(file);
    const expected = { size, digest: plain, all: [plain] };
    expect(await known()).toEqual([]);
    expect(await readDigests(here.context, layer, { file, signal })).toEqual(expected);
    expect(await readDigests(here.context, layer, { file })).toEqual(expected);
    expect(await known()).toEqual([plain]);
    expect(seen.mock.calls).toEqual([[file, signal]]);
  });

  it("is computed anew for another file", async () => {
    await readDigests(here.context, layer, { file });
    writeFileSync(file, "another");
    expect(await known()).toEqual([]);
    const digest = sha256("another");
    expect(await readDigests(here.context, layer, { file })).toEqual({ size: 7, digest, all: [digest] });
  });

  it("comes after those that the disk had as other files", async () => {
    const { database } = here.context;
    database.recordDiskDigest(layer, stateOf(file), { sha256: "former", ofFile: false });
    expect(await readDigests(here.context, layer, { file })).toMatchObject({
      ...{ digest: plain, all: ["former", plain] },
    });
    expect(await readDigests(here.context, layer, { file })).toMatchObject({
      ...{ digest: plain, all: ["former", plain] },
    });
    expect(reads.count).toBe(1);
  });

  it("is not known of a file that changes while it is read", async () => {
    reads.onRead = () => writeFileSync(file, "another");
    await expect(readDigests(here.context, layer, { file })).rejects.toMatchObject({
      ...{ code: "STORE", message: `${file} was changed while it was read.` },
      hint: "Another program uses the store: layers never change.",
    });
    expect(await known()).toEqual([]);
  });

  it("of a file that is not there is an error that names it", async () => {
    const reading = readDigests(here.context, layer, { file: `${file}-2` });
    await expect(reading).rejects.toMatchObject({ code: "STORE", message: `${file}-2 is missing.` });
  });

  it("is recorded of a disk before it is published", async () => {
    const staged = diskIn(stagingDirectory(here.context.layout, layer));
    mkdirSync(dirname(staged), { recursive: true });
    writeFileSync(staged, "staged");
    await recordDigest(here.context, layer, "told");
    expect(here.context.database.diskDigests(layer, stateOf(staged))).toEqual([
      { sha256: "told", ofFile: true },
    ]);
  });

  it("is kept for the file that replaces it, as that of another", async () => {
    await readDigests(here.context, layer, { file });
    const flat = `${file}.flat`;
    writeFileSync(flat, "flat");
    await keepDigests(here.context, layer, flat);
    expect(here.context.database.diskDigests(layer, stateOf(flat))).toEqual([
      { sha256: plain, ofFile: false },
    ]);
  });
});
