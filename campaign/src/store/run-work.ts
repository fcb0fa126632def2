import path from "node:path";
import { type LayerId, layerId } from "@ob/core";
import { runScript, type ScriptOptions, type ScriptResult } from "./run-script.ts";

/** How a process that worked on a store has ended. */
export interface WorkResult extends Omit<ScriptResult, "stdout"> {
  /** Layers that it said were saved. */
  readonly saved: readonly LayerId[];
  /** Layers that it said were deleted. */
  readonly gone: readonly LayerId[];
  /** True if it was to remove layers. */
  readonly removes: boolean;
}

const script = path.join(import.meta.dirname, "work.ts");

/**
 * Runs work.ts on a store.
 *
 * @param words a command of work.ts and its arguments.
 * @throws Error if the process takes longer than its limit: it says which locks each process on the store has and wants.
 */
export async function runWork(
  directory: string,
  words: readonly string[],
  options: Omit<ScriptOptions, "directory">,
): Promise<WorkResult> {
  const { stdout, ...ended } = await runScript(script, [directory, ...words], { ...options, directory });
  const idsAfter = (word: string) =>
    [...stdout.matchAll(new RegExp(`^${word} (\\w{64})$`, "gm"))].map(([, id = ""]) => layerId(id));
  const removes = words[0] === "delete" || words[0] === "prune";
  return { ...ended, saved: idsAfter("saved"), gone: idsAfter("gone"), removes };
}
