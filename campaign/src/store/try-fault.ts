import { rm } from "node:fs/promises";
import path from "node:path";
import { type LayerId } from "@ob/core";
import { openStore } from "@ob/store-qcow";
import { countedCalls, type Fault, faultEnvironment } from "../faults.ts";
import { checkStore, type LookAtDisk } from "./check-store.ts";
import { copyStore, type Reference } from "./reference.ts";
import type { ScriptResult } from "./run-script.ts";
import { runWork, runWorkHere } from "./run-work.ts";

/** One command on a store, in which a fault is made. */
export interface Trial {
  /** `build`, `delete ID` or `prune`. */
  readonly words: readonly string[];
  /** Where it starts from. */
  readonly from: "empty" | "full";
}

export interface TrialResult {
  /** How many calls were made, the one with the fault included. */
  readonly calls: number;
  /** What was wrong, in words. */
  readonly faults: readonly string[];
}

/** How many times as long as without a fault a command may take before it counts as one that hangs. */
const slack = 40;

export interface FaultPlace {
  readonly reference: Reference;
  /** Path of the compiled preload. */
  readonly library: string;
  /** Trials at the same time have different numbers. */
  readonly slot: number;
  /** See `CheckOptions`. */
  readonly lookAtDisk: LookAtDisk;
}

/** Makes a fault in a command, and looks at the store afterwards. */
export async function tryFault(
  trial: Trial,
  fault: Fault,
  { reference, library, slot, lookAtDisk }: FaultPlace,
): Promise<TrialResult> {
  const directory = path.join(reference.directory, `store-${slot}`);
  const state = path.join(reference.directory, `calls-${slot}`);
  const timeLimit = 10_000 + slack * reference.buildTime;
  await rm(directory, { recursive: true, force: true });
  await copyStore(reference[trial.from], directory);
  const layers = await layersOf(directory);
  const environment = await faultEnvironment(fault, { library, state, directory });
  const result = await runWork(directory, trial.words, { environment, timeLimit });
  const calls = await countedCalls(state);
  const looks = { before: { layers, result }, reference, timeLimit, work: runWorkHere, lookAtDisk };
  const faults = await checkStore(directory, looks);
  return { calls, faults: [...faults, ...wrongEnd(result, fault)] };
}

/** A process that was not killed ends well, or with an error in words that a person understands. */
export function wrongEnd(
  { status, signal, error, complaint }: Omit<ScriptResult, "stdout">,
  { action }: Fault,
): readonly string[] {
  if (action === "kill" && signal === "SIGKILL") return [];
  if (status === 0) return [];
  if (status === 1 && error !== undefined && !/\bINTERNAL\b/.test(error)) return [];
  return [`it ended with ${status ?? signal}: ${error ?? complaint}`];
}

/** The layers that a store has. */
export async function layersOf(directory: string): Promise<ReadonlySet<LayerId>> {
  await using store = await openStore({ directory });
  return new Set([...store.list()].map(({ id }) => id));
}
