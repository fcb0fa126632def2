import type { BigIntStats } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isOutdated, sha256OfText } from "@ob/core";

/** The digests of a source directory's files from earlier builds. */
export interface DigestCache {
  /** Reads what earlier builds have saved. Before that, the cache is empty. */
  load(): Promise<void>;
  /** True if there is a digest for some state of the file: comparing states may save reading it. */
  knows(path: string): boolean;
  /** The sha256 of the file in exactly this state, if known. */
  get(path: string, stats: BigIntStats): string | undefined;
  /**
   * Adds the digest of a file.
   *
   * @param found.before its state before the reading, and `found.after` the one after it.
   * @param found.startedMs the wall-clock time before both, in milliseconds.
   */
  set(path: string, found: DigestedFile): void;
  /** Empties the cache, which has proved wrong. */
  clear(): void;
}

export interface DigestedFile {
  readonly digest: string;
  readonly before: BigIntStats;
  readonly after: BigIntStats;
  readonly startedMs: number;
}

export interface DigestCacheOptions {
  /** Absolute path of the directory of the caches; it is created if need be. */
  readonly directory: string;
  readonly sourceDirectory: string;
}

/**
 * A file that was changed less than this before it was read may change again with the same times: some file systems
 * round them to two seconds. In milliseconds.
 */
const timestampGranularity = 2_000;

/** Limits: the files of a source directory, and the source directories. */
const maxFiles = 100_000;
const maxDirectories = 32;

/** Less than this is read again quickly enough, and not saved. */
const minBytes = 4n << 20n;
const minFiles = 500;

/** The cache of a build's source directory; an empty one without a directory to save it in. */
export function digestCacheFor(
  sourceDirectory: string,
  directory: string | undefined,
): DigestCache & AsyncDisposable {
  if (directory !== undefined) return openDigestCache({ directory, sourceDirectory });
  return { ...noDigestCache, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Is always empty. */
export const noDigestCache: DigestCache = {
  load: () => Promise.resolve(),
  knows: () => false,
  get: () => undefined,
  set: () => undefined,
  clear: () => undefined,
};

/**
 * A cache that lasts from build to build, as one file for each source directory. Processes may share it: the last to
 * save wins, and what it does not have is read again. Disposing saves it; a cache that cannot be saved or read is dropped.
 */
export function openDigestCache(options: DigestCacheOptions): DigestCache & AsyncDisposable {
  const { directory, sourceDirectory } = options;
  const file = join(directory, `${sha256OfText(resolve(sourceDirectory)).slice(0, 32)}.json`);
  const known = new Map<string, readonly [state: string, digest: string]>();
  const used = new Set<string>();
  let isLoaded = false;
  let [newFiles, newBytes] = [0, 0n];
  let isWrong = false;
  return {
    async load() {
      if (isLoaded) return;
      isLoaded = true;
      for (const [path, entry] of await readEntries(file)) known.set(path, entry);
    },
    knows: (path) => known.has(path),
    get(path, stats) {
      const [state, digest] = known.get(path) ?? [];
      if (state !== stateOf(stats) || !stats.isFile()) return undefined;
      used.add(path);
      return digest;
    },
    set(path, { digest, before, after, startedMs }) {
      const state = stateOf(before);
      const newest = Number((before.mtimeNs > before.ctimeNs ? before.mtimeNs : before.ctimeNs) / 1_000_000n);
      known.delete(path);
      if (state !== stateOf(after) || newest + timestampGranularity > startedMs) return;
      known.set(path, [state, digest]);
      used.add(path);
      newFiles += 1;
      newBytes += before.size;
    },
    clear() {
      known.clear();
      isWrong = true;
    },
    async [Symbol.asyncDispose]() {
      try {
        if (isWrong) await rm(file, { force: true });
        else if (newBytes >= minBytes || newFiles >= minFiles) {
          await save(file, kept(known, used));
          await removeOld(directory);
        } else if (used.size > 0) await utimes(file, new Date(), new Date());
      } catch {
        // A lost cache costs time only.
      }
    },
  };
}

/** Changes whenever the file's contents change: programs cannot set ctime. */
function stateOf({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs} ${ino} ${dev}`;
}

type Entries = readonly (readonly [path: string, entry: readonly [state: string, digest: string]])[];

/** If there are too many, the files of this build come first. */
function kept(known: ReadonlyMap<string, Entries[number][1]>, used: ReadonlySet<string>): Entries {
  const all = [...known];
  if (all.length <= maxFiles) return all;
  return [...all.filter(([path]) => used.has(path)), ...all.filter(([path]) => !used.has(path))].slice(
    0,
    maxFiles,
  );
}

const format = "obuilder digests 1";

async function readEntries(file: string): Promise<Entries> {
  try {
    const [mark, entries] = JSON.parse(await readFile(file, "utf8"));
    return mark === format && Array.isArray(entries) ? entries.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(entry: unknown): entry is Entries[number] {
  if (!Array.isArray(entry)) return false;
  const [path, found] = entry;
  if (typeof path !== "string" || !Array.isArray(found)) return false;
  const [state, digest] = found;
  return typeof state === "string" && typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest);
}

/** By one rename: a concurrent reader sees the old file or the new one. */
async function save(file: string, entries: Entries): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await mkdir(join(file, ".."), { recursive: true, mode: 0o700 });
  await writeFile(temporary, JSON.stringify([format, entries]), { mode: 0o600 });
  await rename(temporary, file);
}

/** Removes the least recently used caches, and temporary files of killed processes. */
async function removeOld(directory: string): Promise<void> {
  const names = await readdir(directory);
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { path, isCache: name.endsWith(".json"), usedMs: (await stat(path)).mtimeMs };
    }),
  );
  const caches = files.filter(({ isCache }) => isCache).toSorted((a, b) => b.usedMs - a.usedMs);
  const left = files.filter(({ isCache, usedMs }) => !isCache && isOutdated(usedMs, 3_600_000));
  for (const { path } of [...caches.slice(maxDirectories), ...left]) await rm(path, { force: true });
}
