import { constants, lstatSync, renameSync, type Stats } from "node:fs";
import { access, chmod, readdir } from "node:fs/promises";
import { setImmediate as otherWork } from "node:timers/promises";
import {
  type Emit,
  errorMessage,
  noopEmit,
  ObError,
  errnoCode,
  quotedName,
  throwIfCancelled,
} from "@ob/core";
import { fromBytes } from "@ob/spec";
import { copyAcross, type Move } from "./copy-across.ts";

export interface MoveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/** A directory that was made writable in order to be moved, and its original mode. */
interface Opened {
  readonly directory: Buffer;
  readonly mode: number;
}

/**
 * Moves the contents of one directory into another and merges directories; existing ones keep their modes and times.
 * No link is followed: a link in the place of a file is replaced, and one in the place of a directory is refused. All
 * checks are done before the first move.
 *
 * @param from a directory that no other process writes to.
 * @throws ObError `USAGE` if something existing is in the way, `BAD_SOURCE` for what is not a file, directory or link;
 *   `CANCELLED` if the signal fires before the first thing is moved.
 */
export async function moveTree(
  from: string,
  to: string,
  { signal, emit = noopEmit }: MoveOptions = {},
): Promise<void> {
  const root = { from: Buffer.from(from), to: Buffer.from(to) };
  const opened: Opened[] = [];
  await prepareAll(root, { merges: true, opened, signal });
  throwIfCancelled(signal);
  await moveAll(root, emit);
  // From the innermost: an outer one may become inaccessible.
  for (const { directory, mode } of opened.toReversed()) await chmod(directory, mode);
}

interface Preparation {
  /** False if the target does not exist, so that nothing is in the way. */
  readonly merges: boolean;
  readonly opened: Opened[];
  readonly signal: AbortSignal | undefined;
}

async function prepareAll(move: Move, preparation: Preparation): Promise<void> {
  for await (const each of movesOf(move)) await prepare(each, preparation);
}

async function prepare(move: Move, { merges, opened, signal }: Preparation): Promise<void> {
  throwIfCancelled(signal);
  const found = lstatSync(move.from);
  refuseSpecial(move, found);
  const there = merges ? lookAt(move.to) : undefined;
  if (there) await refuseInTheWay(move, found, there);
  const mode = found.mode & 0o7777;
  if (found.isFile() && (mode & setIds) !== 0) await chmod(move.from, mode & ~setIds);
  if (!found.isDirectory()) return;
  if ((mode & ownerAll) !== ownerAll) {
    await chmod(move.from, mode | ownerAll);
    if (!there) opened.push({ directory: move.to, mode });
  }
  await prepareAll(move, { merges: there !== undefined, opened, signal });
}

/** Set-user-id and set-group-id: they would grant the rights of the user who copies. */
const setIds = 0o6000;
/** To read a directory, and to move it or what is in it. */
const ownerAll = 0o700;

function refuseSpecial({ to }: Move, found: Stats): void {
  if (found.isFile() || found.isDirectory() || found.isSymbolicLink()) return;
  throw new ObError("BAD_SOURCE", `${shown(to)} would be a device, pipe or socket. Nothing was copied.`);
}

async function refuseInTheWay({ to }: Move, found: Stats, there: Stats): Promise<void> {
  if (found.isDirectory() !== there.isDirectory()) {
    throw new ObError("USAGE", `${shown(to)} is ${kindOf(there)}, and the copy has ${kindOf(found)} there.`, {
      hint: "Copy to another directory, or move away what exists. Links are not followed.",
    });
  }
  if (!found.isDirectory()) return;
  await access(to, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
    throw new ObError("USAGE", `Nothing can be copied to ${shown(to)}: ${errorMessage(cause)}.`, { cause });
  });
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a directory";
  return found.isSymbolicLink() ? "a symbolic link" : "a file";
}

async function moveAll(move: Move, emit: Emit): Promise<void> {
  for await (const each of movesOf(move)) await moveOne(each, emit);
}

/** Another process may copy to the same place: then the target is checked again. */
const attempts = 5;
const takenMeanwhile = ["EEXIST", "ENOTEMPTY", "ENOTDIR", "EISDIR"];

async function moveOne(move: Move, emit: Emit): Promise<void> {
  const found = lstatSync(move.from);
  for (let attempt = 1; ; attempt++) {
    const there = lookAt(move.to);
    if (there) await refuseInTheWay(move, found, there);
    if (there?.isDirectory()) return await moveAll(move, emit);
    try {
      return await moveToNothing(move, emit);
    } catch (error) {
      if (!takenMeanwhile.includes(errnoCode(error) ?? "") || attempt === attempts) throw error;
    }
  }
}

/** A file system may be mounted below the destination, which a rename cannot cross. */
async function moveToNothing(move: Move, emit: Emit): Promise<void> {
  try {
    renameSync(move.from, move.to);
  } catch (error) {
    if (errnoCode(error) !== "EXDEV") throw error;
    await copyAcross(move, emit);
  }
}

/** Synchronous calls are ten times as fast as the thread pool here; this yields to other work now and then. */
const filesInOneGo = 500;

async function* movesOf({ from, to }: Move): AsyncGenerator<Move> {
  const names = await readdir(from, { encoding: "buffer" });
  for (const [index, name] of names.entries()) {
    if (index % filesInOneGo === filesInOneGo - 1) await otherWork();
    yield { from: childOf(from, name), to: childOf(to, name) };
  }
}

function childOf(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from("/"), name]);
}

function lookAt(path: Buffer): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** A path on one line: as it is if it is plain text. */
function shown(path: Buffer): string {
  const text = fromBytes(path);
  const quoted = quotedName(text);
  return quoted === `"${text}"` ? text : quoted;
}
