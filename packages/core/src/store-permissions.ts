import { chmodSync, lstatSync } from "node:fs";
import { chmod, mkdir, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errnoCode, errorMessage } from "./errors.ts";
import type { Emit } from "./events.ts";
import { storeLayout } from "./store-layout.ts";

/** All permissions but the owner's. */
const others = 0o077;
/** How long files are looked at before others get their turn, in milliseconds. */
const sliceMs = 10;

/** Makes a directory that nobody but its owner may open, and its parents as usual. One that is there stays as it is. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (errnoCode(error) !== "EEXIST") throw error;
  });
}

/**
 * Sees to it that nobody but its owner reads a store. A store's own directory shuts all of it, and is looked at each
 * time; what is in it is put right once, together with that directory. What cannot be put right is a warning.
 *
 * A directory that is no store is left alone, and a link in a store too: what it leads to may be somebody else's.
 */
export async function makeStorePrivate(directory: string, emit: Emit): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (!found?.isDirectory() || (found.mode & others) === 0) return;
  const parts = await partsOf(directory);
  if (parts.length === 0) return;
  const mode = (found.mode & 0o777).toString(8);
  const open = `the store ${directory} (mode ${mode})`;
  const say = (level: "info" | "warning", text: string) => emit({ type: "log", level, text });
  try {
    await chmod(directory, privateMode(found.mode));
  } catch (error) {
    const help = `Its owner can change that: chmod -R go= ${directory}`;
    say("warning", `Others on this host can open ${open}: ${errorMessage(error)}. ${help}`);
    return;
  }
  const closed = await makeTreesPrivate(parts);
  // A directory that was made for a store and has nothing in it yet is no news.
  const level = closed.changed > 0 ? "warning" : "info";
  say(level, `Others on this host could open ${open}; from now on only its owner can.`);
  const [first, ...more] = closed.refused;
  if (first === undefined) return;
  const which = more.length === 0 ? first : `${first} and ${more.length} others`;
  say("warning", `The permissions of ${which} could not be changed: they belong to another user.`);
}

/** What became of the permissions of many files. */
export interface Closed {
  /** How many were changed. */
  readonly changed: number;
  /** Paths of those that could not be. */
  readonly refused: readonly string[];
}

/**
 * Takes the permissions of all but the owner from files and directories, and from all that is in these. Links are left
 * alone.
 */
export async function makeTreesPrivate(paths: readonly string[]): Promise<Closed> {
  const pending = [...paths];
  const refused: string[] = [];
  let changed = 0;
  let sliceEnd = performance.now() + sliceMs;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const found = closeOne(path);
    if (found.outcome === "changed") changed++;
    if (found.outcome === "refused") refused.push(path);
    if (found.isDirectory) pending.push(...(await entriesOf(path)));
    if (performance.now() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = performance.now() + sliceMs;
  }
  return { changed, refused };
}

/** Synchronous: of ten thousand layers the ways of asynchronous calls would cost many times the work. */
function closeOne(path: string): {
  readonly isDirectory: boolean;
  readonly outcome: "changed" | "right" | "refused";
} {
  let isDirectory = false;
  try {
    const stats = lstatSync(path);
    isDirectory = stats.isDirectory();
    if (stats.isSymbolicLink() || (stats.mode & others) === 0) return { isDirectory, outcome: "right" };
    chmodSync(path, privateMode(stats.mode));
    return { isDirectory, outcome: "changed" };
  } catch (error) {
    // What has vanished meanwhile needs nothing.
    return { isDirectory, outcome: errnoCode(error) === "ENOENT" ? "right" : "refused" };
  }
}

/** Nothing for one that may not be read, or has vanished. */
async function entriesOf(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.map((name) => join(directory, name));
}

function privateMode(mode: number): number {
  return mode & 0o7777 & ~others;
}

/** What a store has in its directory, as far as it is there; nothing for what is no store. */
async function partsOf(directory: string): Promise<readonly string[]> {
  const layout = storeLayout(directory);
  const { baseImages, results, temporary, caches, temporaryCaches, cacheTemplates, state } = layout;
  const entries = await readdir(directory).catch((): string[] => []);
  const isThere = (path: string) => entries.includes(basename(path));
  if (!isThere(baseImages) && !isThere(results)) return [];
  return [baseImages, results, temporary, caches, temporaryCaches, cacheTemplates, state].filter(isThere);
}
