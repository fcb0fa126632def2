import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type LayerId, layerId } from "@ob/core";
import { runScript, type ScriptOptions, type ScriptResult } from "./run-script.ts";
import { whoWaits } from "./who-waits.ts";
import { workOn } from "./work-on.ts";

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
  return { ...ended, ...readAnswer(stdout, words) };
}

/**
 * Does in this process what work.ts does: much quicker where no fault is made in the process itself.
 *
 * @throws Error if it takes longer than its limit, and goes on.
 */
export async function runWorkHere(
  directory: string,
  words: readonly string[],
  { timeLimit }: Pick<ScriptOptions, "timeLimit">,
): Promise<WorkResult> {
  let stdout = "";
  const limit = new AbortController();
  const hangs = delay(timeLimit, undefined, { signal: limit.signal }).then(async () => {
    const waiting = ["", ...(await whoWaits(directory))].join("\n  ");
    throw new Error(`${words.join(" ")} did not end within ${Math.round(timeLimit)} ms.${waiting}`);
  });
  try {
    const work = workOn([directory, ...words], (line) => void (stdout += `${line}\n`));
    const status = await Promise.race([work, hangs]);
    const error = /^error (.*)$/m.exec(stdout)?.[1];
    return { ...readAnswer(stdout, words), error, status, signal: null, complaint: "" };
  } finally {
    limit.abort();
    await hangs.catch(() => undefined);
  }
}

function readAnswer(
  stdout: string,
  words: readonly string[],
): Pick<WorkResult, "saved" | "gone" | "removes"> {
  const idsAfter = (word: string) =>
    [...stdout.matchAll(new RegExp(`^${word} (\\w{64})$`, "gm"))].map(([, id = ""]) => layerId(id));
  const removes = words[0] === "delete" || words[0] === "prune";
  return { saved: idsAfter("saved"), gone: idsAfter("gone"), removes };
}
