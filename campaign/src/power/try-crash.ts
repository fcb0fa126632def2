import { rm, utimes } from "node:fs/promises";
import path from "node:path";
import { errorMessage, layerId, storeLayout } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { checkStore, type LookAtDisk } from "../store/check-store.ts";
import { imageTime, type Reference } from "../store/reference.ts";
import { runWorkHere } from "../store/run-work.ts";
import { baseName } from "../store/spec.ts";
import { checkSnapshot } from "../store/work-on-snapshots.ts";
import { type CrashPoint, crashedAt } from "./crash-points.ts";
import { writeLeft } from "./crashed.ts";
import { keepIdentities } from "./kept-identities.ts";
import { lookAtCaches } from "./left-caches.ts";
import { lookAtFiles } from "./left-whole.ts";
import type { RecordedRun } from "./recorded-run.ts";

export interface TryCrashOptions {
  readonly reference: Reference;
  /** As `crashPoints`. */
  readonly seed: number;
  /** Path of a directory that the store is made in; what is there is removed. */
  readonly directory: string;
  readonly lookAtDisk?: LookAtDisk;
}

/**
 * Makes the store that a crash of the host has left, and looks at it.
 *
 * @returns what is wrong, in words.
 */
export async function tryCrash(
  recorded: RecordedRun,
  point: CrashPoint,
  options: TryCrashOptions,
): Promise<readonly string[]> {
  // Backing files are named relative to the store, so it may be elsewhere.
  const { directory, seed } = options;
  await rm(directory, { recursive: true, force: true });
  const left = crashedAt(recorded, point, seed);
  await writeLeft(left, directory);
  await keepIdentities(directory, recorded.directory);
  const image = path.join(storeLayout(directory).baseImages, `${baseName}.qcow2`);
  await utimes(image, imageTime, imageTime);
  const said = recorded.changes
    .slice(0, point.after)
    .flatMap((change) => (change.kind === "say" ? change.text.split("\n") : []));
  try {
    return [
      ...lookAtFiles(left, said, recorded),
      ...(await lookAtCaches(directory, { said, lookAtDisk: options.lookAtDisk })),
      ...(recorded.words[0] === "snapshot" ? await checkSnapshot(directory) : []),
      ...(await lookAtStore(recorded, said, options)),
    ];
  } catch (error) {
    return [`the store cannot be used: ${errorMessage(error)}`];
  }
}

async function lookAtStore(
  { words, layers }: RecordedRun,
  said: readonly string[],
  { reference, directory, lookAtDisk }: TryCrashOptions,
): Promise<readonly string[]> {
  const after = (word: string): readonly string[] =>
    said.flatMap((line) => (line.startsWith(`${word} `) ? line.slice(word.length + 1) : []));
  const [word = ""] = words;
  const result = {
    saved: after("saved").map(layerId),
    gone: after("gone").map(layerId),
    removes: ["delete", "prune"].includes(word),
    error: undefined,
    status: null,
    signal: "SIGKILL",
    complaint: "",
  } as const;
  const timeLimit = 60_000 + 40 * reference.buildTime;
  const lost = await lostNotes(directory, after("tagged"));
  const before = { layers, result };
  const looks = { before, reference, timeLimit, work: runWorkHere, ...(lookAtDisk && { lookAtDisk }) };
  const faults = [...lost, ...(await checkStore(directory, looks))];
  if (!["command", "import", "pull", "snapshot"].includes(word)) return faults;
  // The command itself needs no help either.
  const again = await runWorkHere(directory, words, { timeLimit });
  if (again.status !== 0) faults.push(`it fails when it is run again: ${again.error}`);
  return faults;
}

async function lostNotes(directory: string, names: readonly string[]): Promise<readonly string[]> {
  await using store = await openStore({ directory });
  const present = new Set(store.tags().map(({ name }) => name));
  const lost = names.filter((name) => !present.has(name));
  // The records of builds may be lost, but can be read.
  store.builds.list();
  return lost.map((name) => `the tag ${name} was given, and is lost`);
}
