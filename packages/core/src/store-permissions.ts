import { chmodSync, lstatSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errnoCode, errorMessage } from "./errors.ts";
import type { Emit } from "./events.ts";
import { localFs } from "./local-fs.ts";
import { storeLayout } from "./store-layout.ts";

/** All permissions but the owner's. */
const others = 0o077;
/** How long files are processed before the event loop gets its turn, in milliseconds. */
const sliceMs = 10;

/** Creates a directory that only its owner may open, and its parents with the usual mode. An existing one stays as it is. @returns true if it is new. */
export async function makePrivateDirectory(path: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errnoCode(error) === "EEXIST") return false;
    throw error;
  }
}

/**
 * Makes a store readable by its owner only. The mode of the store's directory protects all that is in it, and is checked
 * each time. The modes below it are corrected once, together with that of the directory. What cannot be corrected is a
 * warning.
 *
 * A directory that is not a store is left alone, and so is a link in a store: its target may belong to another user.
 */
export async function makeStorePrivate(directory: string, emit: Emit): Promise<void> {
  const found = await localFs.stat(directory).catch(() => undefined);
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
  // An empty directory that was made for a store is not worth a warning.
  const level = closed.changed > 0 ? "warning" : "info";
  say(level, `Others on this host could open ${open}; from now on only its owner can.`);
  const [first, ...more] = closed.refused;
  if (first === undefined) return;
  const which = more.length === 0 ? first : `${first} and ${more.length} others`;
  say("warning", `The permissions of ${which} could not be changed: they belong to another user.`);
}

/** The outcome of a change of permissions. */
export interface Closed {
  /** How many files were changed. */
  readonly changed: number;
  /** Paths of those that could not be changed. */
  readonly refused: readonly string[];
}

/**
 * Removes the permissions of all but the owner from files and directories, recursively. Links are left alone.
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

/** Synchronous: with ten thousand layers the overhead of asynchronous calls would be many times the work. */
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
    // A file that was removed meanwhile needs nothing.
    return { isDirectory, outcome: errnoCode(error) === "ENOENT" ? "right" : "refused" };
  }
}

/** Empty for a directory that may not be read, or was removed. */
async function entriesOf(directory: string): Promise<readonly string[]> {
  const names = await localFs.readdir(directory).catch((): string[] => []);
  return names.map((name) => join(directory, name));
}

function privateMode(mode: number): number {
  return mode & 0o7777 & ~others;
}

/** The parts of a store that exist in a directory; none if it is not a store. */
async function partsOf(directory: string): Promise<readonly string[]> {
  const layout = storeLayout(directory);
  const { baseImages, results, temporary, caches, temporaryCaches, cacheTemplates, state } = layout;
  const entries = await localFs.readdir(directory).catch((): string[] => []);
  const isThere = (path: string) => entries.includes(basename(path));
  if (!isThere(baseImages) && !isThere(results)) return [];
  return [baseImages, results, temporary, caches, temporaryCaches, cacheTemplates, state].filter(isThere);
}
