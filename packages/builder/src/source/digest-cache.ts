import type { BigIntStats } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { sha256 } from "@ob/core";

/** What is known of a source directory's files from earlier builds. */
export interface DigestCache {
  /** Reads what an earlier build has left. Whoever asks before that is told nothing. */
  load(): Promise<void>;
  /** True if a digest is known for some state of the file: a look at its state may spare the reading. */
  knows(path: string): boolean;
  /** The sha256 of the file in exactly this state. */
  get(path: string, stats: BigIntStats): string | undefined;
  /**
   * Notes what was read of a file.
   *
   * @param found.before its state before the reading, and `found.after` the one after it.
   * @param found.startedMs the clock's time before both, in milliseconds.
   */
  set(path: string, found: DigestedFile): void;
  /** What was remembered proved wrong. */
  clear(): void;
}

export interface DigestedFile {
  readonly digest: string;
  readonly before: BigIntStats;
  readonly after: BigIntStats;
  readonly startedMs: number;
}

export interface DigestCacheOptions {
  /** Absolute path of the directory that memories are kept in; it is made if need be. */
  readonly directory: string;
  readonly sourceDirectory: string;
}

/**
 * A file that was changed so shortly before it was read may change again without its times telling: the steps of some
 * file systems' clocks are two seconds. In milliseconds.
 */
const settled = 2_000;

/** The most files that are remembered of a source directory, and the most source directories. */
const mostFiles = 100_000;
const mostDirectories = 32;

/** What is read again in no time is not worth a file: so many bytes and files. */
const worthBytes = 4n << 20n;
const worthFiles = 500;

/** The memory of a build's source directory; one that remembers nothing where there is no place for it. */
export function digestCacheFor(
  sourceDirectory: string,
  directory: string | undefined,
): DigestCache & AsyncDisposable {
  if (directory !== undefined) return openDigestCache({ directory, sourceDirectory });
  return { ...noDigestCache, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Remembers nothing. */
export const noDigestCache: DigestCache = {
  load: () => Promise.resolve(),
  knows: () => false,
  get: () => undefined,
  set: () => undefined,
  clear: () => undefined,
};

/**
 * A memory that lasts from build to build, as one file for each source directory. Processes may share it: the last to
 * save wins, and what it does not know is read again. Disposing saves it; what cannot be saved or read is forgotten.
 */
export function openDigestCache(options: DigestCacheOptions): DigestCache & AsyncDisposable {
  const { directory, sourceDirectory } = options;
  const file = join(directory, `${sha256(resolve(sourceDirectory)).slice(0, 32)}.json`);
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
      if (state !== stateOf(after) || newest + settled > startedMs) return;
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
        else if (newBytes >= worthBytes || newFiles >= worthFiles) {
          await save(file, kept(known, used));
          await removeOld(directory);
        } else if (used.size > 0) await utimes(file, new Date(), new Date());
      } catch {
        // Not to remember costs time and nothing else.
      }
    },
  };
}

/** All that a change of the file's contents changes too: its inode's time cannot be set by anybody. */
function stateOf({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs} ${ino} ${dev}`;
}

type Entries = readonly (readonly [path: string, entry: readonly [state: string, digest: string]])[];

/** What this build has met comes first, if there is too much. */
function kept(known: ReadonlyMap<string, Entries[number][1]>, used: ReadonlySet<string>): Entries {
  const all = [...known];
  if (all.length <= mostFiles) return all;
  return [...all.filter(([path]) => used.has(path)), ...all.filter(([path]) => !used.has(path))].slice(
    0,
    mostFiles,
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

/** One rename: whoever reads it meanwhile sees the old one or the new one. */
async function save(file: string, entries: Entries): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await mkdir(join(file, ".."), { recursive: true, mode: 0o700 });
  await writeFile(temporary, JSON.stringify([format, entries]), { mode: 0o600 });
  await rename(temporary, file);
}

/** The source directories that no build has used for longest, and what a killed process has left of a saving. */
async function removeOld(directory: string): Promise<void> {
  const names = await readdir(directory);
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { path, isMemory: name.endsWith(".json"), usedMs: (await stat(path)).mtimeMs };
    }),
  );
  const memories = files.filter(({ isMemory }) => isMemory).toSorted((a, b) => b.usedMs - a.usedMs);
  const hourAgo = Date.now() - 3_600_000;
  const left = files.filter(({ isMemory, usedMs }) => !isMemory && usedMs < hourAgo);
  for (const { path } of [...memories.slice(mostDirectories), ...left]) await rm(path, { force: true });
}
