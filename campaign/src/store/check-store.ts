import { readdir } from "node:fs/promises";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  diskIn,
  isLayerId,
  type Layer,
  type LayerId,
  type LayerRecord,
  resultDirectory,
  run,
  storeLayout,
} from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { type Reference } from "./reference.ts";
import { runWork, type WorkResult } from "./run-work.ts";
import { processesOn } from "./processes.ts";
import { missingPatterns } from "./scripted-guest.ts";

/** What a process on the store had before a fault, and what it said. */
export interface Before {
  /** The layers that the store had. */
  readonly layers: ReadonlySet<LayerId>;
  readonly result: WorkResult;
}

export interface CheckOptions {
  readonly before: Before;
  readonly reference: Reference;
  /** How long a process may take at most, in milliseconds. */
  readonly timeLimit: number;
  /** How the next build is run; by default by a process of its own. */
  readonly work?: typeof runWork;
  /** Looks whether the disk of a layer is whole, and has its patterns; by default each time anew. */
  readonly lookAtDisk?: LookAtDisk;
}

/** @returns what is wrong with the disk, in words. */
export type LookAtDisk = (layer: Layer, patterns: readonly number[]) => Promise<readonly string[]>;

/**
 * Looks whether a store is as it must be after a fault at any point.
 *
 * @returns what is wrong, in words; empty if nothing is.
 */
export async function checkStore(directory: string, options: CheckOptions): Promise<readonly string[]> {
  const { before, reference, timeLimit, work = runWork, lookAtDisk = lookAtDiskOf } = options;
  const faults: string[] = [];
  const left = await processesOn(directory, { patience: 3000 });
  if (left.length > 0) faults.push(`processes are left: ${left.join(", ")}`);
  const present = await checkOpened(directory, { before, reference, lookAtDisk, faults });
  const next = await work(directory, ["build"], { timeLimit });
  if (next.status !== 0) faults.push(`the next build fails: ${next.error ?? next.complaint}`);
  for (const id of next.saved) if (present.has(id)) faults.push(`the next build made ${id} again`);
  await using store = await openStore({ directory });
  const after = new Set([...store.list()].map(({ id }) => id));
  for (const id of reference.patterns.keys()) {
    if (!after.has(id)) faults.push(`after the next build ${id} is missing`);
  }
  return faults;
}

/** Opens the store as the next command does, and compares database, directories and disks. */
async function checkOpened(
  directory: string,
  {
    before,
    reference,
    lookAtDisk,
    faults,
  }: Pick<CheckOptions, "before" | "reference"> & { lookAtDisk: LookAtDisk; faults: string[] },
): Promise<ReadonlySet<LayerId>> {
  await using store = await openStore({ directory });
  const layout = storeLayout(directory);
  const records = [...store.list()];
  const ids = new Set(records.map(({ id }) => id));
  const directories = new Set((await readdir(layout.results)).filter(isLayerId));
  if (!isDeepStrictEqual(directories, ids)) {
    faults.push(`directories ${[...directories].join()}; database ${[...ids].join()}`);
  }
  faults.push(...wrongRecords(records, reference), ...lostLayers(ids, before));
  for (const id of ids) {
    const layer = { id, directory: resultDirectory(layout, id), disk: diskIn(resultDirectory(layout, id)) };
    faults.push(...(await lookAtDisk(layer, reference.patterns.get(id) ?? [])));
  }
  for (const name of await readdir(layout.temporary)) {
    const entries = isLayerId(name) ? await readdir(path.join(layout.temporary, name)) : ["?"];
    if (entries.some((entry) => entry !== "log"))
      faults.push(`result-tmp/${name} is left with ${entries.join()}`);
  }
  return ids;
}

function wrongRecords(records: readonly LayerRecord[], { parents }: Reference): readonly string[] {
  const faults: string[] = [];
  for (const { id, parent, dependents } of records) {
    if (parent !== parents.get(id)) faults.push(`the parent of ${id} is ${parent}`);
    // One whose directory is gone counts until it is pruned or made again; too few would let a layer go that is needed.
    const children = records.filter((other) => other.parent === id).length;
    if (children > dependents) faults.push(`${id} has ${dependents} dependents, but ${children} are there`);
  }
  return faults;
}

/** Nothing that was said to be saved is lost, and nothing is lost that was not asked to go. */
function lostLayers(ids: ReadonlySet<LayerId>, { layers, result }: Before): readonly string[] {
  const faults: string[] = [];
  for (const id of result.saved) if (!ids.has(id)) faults.push(`${id} was said to be saved, and is lost`);
  for (const id of result.gone) if (ids.has(id)) faults.push(`${id} was said to be gone, and is there`);
  if (result.removes) return faults;
  for (const id of layers) if (!ids.has(id)) faults.push(`${id} was there before, and is lost`);
  return faults;
}

/** See `LookAtDisk`. */
export async function lookAtDiskOf(layer: Layer, patterns: readonly number[]): Promise<readonly string[]> {
  const { id, disk } = layer;
  const damage = await run(["qemu-img", "check", "-q", "-f", "qcow2", disk]).then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (damage !== undefined) return [`the disk of ${id} is damaged: ${damage}`];
  const missing = await missingPatterns(layer, patterns);
  return missing.length > 0 ? [`the disk of ${id} lacks ${missing.join()}`] : [];
}
