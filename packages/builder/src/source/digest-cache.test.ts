import type { BigIntStats } from "node:fs";
import { mkdtempDisposable, readdir, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@ob/core";
import { describe, expect, test } from "vitest";
import { openDigestCache } from "./digest-cache.ts";
import { digestFiles } from "./file-digest.ts";
import { SourceTree } from "./source-tree.ts";

/** Files that were changed long before they are read: as if they were read in a minute. */
const later = (): number => Date.now() + 60_000;

interface Bench extends AsyncDisposable {
  readonly directory: string;
  readonly source: string;
  readonly open: () => ReturnType<typeof openDigestCache>;
}

async function bench(): Promise<Bench> {
  const root = await mkdtempDisposable(join(tmpdir(), "digest-cache-"));
  const directory = join(root.path, "digests");
  return {
    directory,
    source: root.path,
    open: () => openDigestCache({ directory, sourceDirectory: root.path }),
    [Symbol.asyncDispose]: async () => await root.remove(),
  };
}

/** A file so large that its digest is saved. */
async function largeFile(path: string): Promise<BigIntStats> {
  await writeFile(path, "x");
  await truncate(path, 5 << 20);
  return await stat(path, { bigint: true });
}

const digest = sha256("what was read");

describe("the digest of a file", () => {
  test("is kept from build to build while the file's state is the same", async () => {
    await using setting = await bench();
    const file = join(setting.source, "a");
    const before = await largeFile(file);
    {
      await using cache = setting.open();
      cache.set("a", { digest, before, after: before, startedMs: later() });
    }
    await using cache = setting.open();
    expect(cache.get("a", before)).toBeUndefined();
    await cache.load();
    expect([cache.knows("a"), cache.get("a", before)]).toEqual([true, digest]);
    // The size and the time that a program can set are as before; the inode's time is not.
    await writeFile(file, "y", { flag: "r+" });
    await utimes(file, new Date(Number(before.atimeMs)), new Date(Number(before.mtimeMs)));
    expect(cache.get("a", await stat(file, { bigint: true }))).toBeUndefined();
  });

  test("is not kept if the file had just been changed, or changed meanwhile", async () => {
    await using setting = await bench();
    const before = await largeFile(join(setting.source, "a"));
    await writeFile(join(setting.source, "a"), "y", { flag: "r+" });
    const after = await stat(join(setting.source, "a"), { bigint: true });
    await using cache = setting.open();
    cache.set("just", { digest, before, after: before, startedMs: Date.now() });
    cache.set("meanwhile", { digest, before, after, startedMs: later() });
    expect([cache.get("just", before), cache.get("meanwhile", before)]).toEqual([undefined, undefined]);
  });

  test("is dropped when it proves wrong", async () => {
    await using setting = await bench();
    const before = await largeFile(join(setting.source, "a"));
    for (const isWrong of [false, true]) {
      await using cache = setting.open();
      await cache.load();
      cache.set("a", { digest, before, after: before, startedMs: later() });
      if (isWrong) cache.clear();
    }
    expect(await readdir(setting.directory)).toEqual([]);
  });

  test("is not saved if reading again is quick", async () => {
    await using setting = await bench();
    await writeFile(join(setting.source, "small"), "x");
    const before = await stat(join(setting.source, "small"), { bigint: true });
    {
      await using cache = setting.open();
      cache.set("small", { digest, before, after: before, startedMs: later() });
    }
    await expect(readdir(setting.directory)).rejects.toThrow("ENOENT");
  });
});

test.each([
  "",
  "{",
  "[]",
  '["obuilder digests 1", 1]',
  '["obuilder digests 1", [["a", ["x", "no digest"]], 1, ["b"]]]',
])("a cache file with %j is ignored", async (text) => {
  await using setting = await bench();
  const before = await largeFile(join(setting.source, "a"));
  {
    await using cache = setting.open();
    cache.set("a", { digest, before, after: before, startedMs: later() });
  }
  const [name = ""] = await readdir(setting.directory);
  await writeFile(join(setting.directory, name), text);
  await using cache = setting.open();
  await cache.load();
  expect([cache.knows("a"), cache.knows("b")]).toEqual([false, false]);
});

test("the caches of the last source directories are kept, and no more", async () => {
  await using setting = await bench();
  const before = await largeFile(join(setting.source, "a"));
  for (let each = 0; each < 40; each += 1) {
    const { directory } = setting;
    await using cache = openDigestCache({ directory, sourceDirectory: join(setting.source, String(each)) });
    cache.set("a", { digest, before, after: before, startedMs: later() });
  }
  expect((await readdir(setting.directory)).length).toBe(32);
});

test("a file with a cached digest is not read, and one that has changed is", async () => {
  await using setting = await bench();
  const names = ["small", "large"];
  for (const name of names) await writeFile(join(setting.source, name), name.repeat(100_000));
  using tree = new SourceTree(setting.source);
  const explain = (cause: unknown, name: string) => new Error(name, { cause });
  const digests = async (cache: ReturnType<typeof openDigestCache>) =>
    await digestFiles(names, { tree, digests: cache, explain, signal: undefined });
  const read = names.map((name) => sha256(name.repeat(100_000)));
  await using cache = setting.open();
  expect(await digests(cache)).toEqual(read);
  for (const name of names) {
    const before = await stat(join(setting.source, name), { bigint: true });
    cache.set(name, { digest, before, after: before, startedMs: later() });
  }
  expect(await digests(cache)).toEqual([digest, digest]);
  for (const name of names) await writeFile(join(setting.source, name), "z", { flag: "r+" });
  const changed = names.map((name) => sha256(`z${name.repeat(100_000).slice(1)}`));
  expect(await digests(cache)).toEqual(changed);
});
