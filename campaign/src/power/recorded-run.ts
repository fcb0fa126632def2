import { lstat, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { LayerId } from "@ob/core";
import { faultEnvironment } from "../faults.ts";
import { copyStore, type Reference } from "../store/reference.ts";
import { runWork } from "../store/run-work.ts";
import { layersOf } from "../store/try-fault.ts";
import { type Left, seenIn } from "./crashed.ts";
import { Disk } from "./disk.ts";
import { type Change, parseRecord } from "./record.ts";

/** A command whose changes are recorded. */
export interface RecordedCommand {
  /** See work.ts. */
  readonly words: readonly string[];
  /** Path of the store that it starts from. */
  readonly from: string;
}

/** A command on a store, and all that it has changed there, in order. */
export interface RecordedRun {
  readonly words: readonly string[];
  /** Path of the store while it was recorded. */
  readonly directory: string;
  /** The layers that were there before. */
  readonly layers: ReadonlySet<LayerId>;
  readonly changes: readonly Change[];
  /** The disk before the first change. */
  readonly begin: () => Disk;
  /** The same on disk, for other threads. */
  readonly saved: SavedRun;
}

/** A recorded run as files. */
export interface SavedRun extends Pick<RecordedRun, "words" | "directory" | "layers"> {
  /** Path of a copy of the store before the first change. */
  readonly before: string;
  /** The numbers of the files of that store, by their paths in it. */
  readonly inodes: ReadonlyMap<string, number>;
  /** Path of the record. */
  readonly record: string;
}

/** Reads what `recordRun` has saved. */
export async function loadRun(saved: SavedRun): Promise<RecordedRun> {
  const { words, directory, layers, before, inodes, record } = saved;
  const disk = await Disk.readCopy(before, { of: directory, inodes });
  return {
    words,
    directory,
    layers,
    saved,
    changes: parseRecord(await readFile(record)),
    begin: () => disk.copy(),
  };
}

export interface RecordOptions {
  readonly reference: Reference;
  /** Path of the compiled preload. */
  readonly library: string;
}

/**
 * Runs a command and records what it changes.
 *
 * @throws Error if the command fails, or if the record does not lead to what is on the disk afterwards: then a call was not recorded.
 */
export async function recordRun(
  { words, from }: RecordedCommand,
  { reference, library }: RecordOptions,
): Promise<RecordedRun> {
  const directory = path.join(reference.directory, "recorded");
  const state = path.join(reference.directory, "calls");
  const name = `record-${words.map((word) => path.basename(word)).join("-")}`;
  const record = path.join(reference.directory, name);
  const copy = path.join(reference.directory, `${name}-before`);
  await rm(directory, { recursive: true, force: true });
  await copyStore(from, directory);
  const layers = await layersOf(directory);
  const before = await Disk.read(directory);
  await copyStore(directory, copy);
  const inodes = await inodesIn(directory);
  const environment = await faultEnvironment(
    { at: undefined, action: "kill" },
    { library, state, directory },
  );
  await writeFile(record, "");
  const timeLimit = 60_000 + 40 * reference.buildTime;
  const recording = { ...environment, OB_FAULT_RECORD: record };
  const { status, error, complaint } = await runWork(directory, words, {
    environment: recording,
    timeLimit,
  });
  if (status !== 0) throw new Error(`${words.join(" ")} fails while it is recorded: ${error ?? complaint}`);
  const changes = parseRecord(await readFile(record));
  const replayed = before.copy();
  for (const change of changes) replayed.apply(change);
  refuseDifference(seenIn(replayed.root), seenIn((await Disk.read(directory)).root));
  const saved = { words, directory, layers, before: copy, inodes, record };
  return { words, directory, layers, saved, changes, begin: () => before.copy() };
}

async function inodesIn(directory: string): Promise<ReadonlyMap<string, number>> {
  const names = ["", ...(await readdir(directory, { recursive: true }))];
  const numbers = names.map(async (name) => [name, (await lstat(path.join(directory, name))).ino] as const);
  return new Map(await Promise.all(numbers));
}

function refuseDifference(replayed: Left, actual: Left): void {
  const lost = differences(replayed, actual);
  if (lost.length > 0) throw new Error(`the record is not whole: it differs in ${lost.join(", ")}`);
}

function differences(one: Left, other: Left, where = ""): readonly string[] {
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((name) => {
    // SQLite writes to its index by memory mapping, and makes it anew after a crash.
    if (name.endsWith("-shm")) return [];
    const [first, second] = [one.get(name), other.get(name)];
    if (first instanceof Map && second instanceof Map) return differences(first, second, `${where}${name}/`);
    const same = first !== undefined && second !== undefined && isDeepStrictEqual(first, second);
    return same ? [] : [`${where}${name}`];
  });
}
