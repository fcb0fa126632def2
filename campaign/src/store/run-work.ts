import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type LayerId, layerId } from "@ob/core";
import { whoWaits } from "./who-waits.ts";
import { workOn } from "./work-on.ts";

/** How a process that worked on a store has ended. */
export interface WorkResult {
  /** Layers that it said were saved. */
  readonly saved: readonly LayerId[];
  /** Layers that it said were deleted. */
  readonly gone: readonly LayerId[];
  /** True if it was to remove layers. */
  readonly removes: boolean;
  /** The error that it reported, if any. */
  readonly error: string | undefined;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to standard error. */
  readonly complaint: string;
}

const script = path.join(import.meta.dirname, "work.ts");

export interface WorkOptions {
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** When it is killed, in milliseconds from its start. */
  readonly killAfter?: number | undefined;
  /** How long it may take at most, in milliseconds: a longer one hangs. */
  readonly timeLimit: number;
}

/**
 * Runs work.ts on a store.
 *
 * @param words a command of work.ts and its arguments.
 * @throws Error if the process takes longer than its limit: it says which locks each process on the store has and wants.
 */
export async function runWork(
  directory: string,
  words: readonly string[],
  { environment, killAfter, timeLimit }: WorkOptions,
): Promise<WorkResult> {
  const node = ["--conditions=@ob/source", "--experimental-strip-types", "--no-warnings"];
  const child = spawn(process.execPath, [...node, script, directory, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let hangs = false;
  let waiting: readonly string[] = [];
  const limit = setTimeout(() => {
    hangs = true;
    void whoWaits(directory)
      .then((found) => void (waiting = found))
      .finally(() => child.kill("SIGKILL"));
  }, timeLimit);
  const killing = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const exit: Promise<[number | null, NodeJS.Signals | null]> = once(child, "exit").then(([code, signal]) => [
    code,
    signal,
  ]);
  const [stdout, complaint, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exit,
  ]);
  clearTimeout(limit);
  clearTimeout(killing);
  if (hangs) {
    const all = ["", ...waiting].join("\n  ");
    throw new Error(`${words.join(" ")} did not end within ${Math.round(timeLimit)} ms.${all}`);
  }
  return { ...readAnswer(stdout, words), status, signal, complaint };
}

/**
 * Does in this process what work.ts does: much quicker where no fault is made in the process itself.
 *
 * @throws Error if it takes longer than its limit, and goes on.
 */
export async function runWorkHere(
  directory: string,
  words: readonly string[],
  { timeLimit }: Pick<WorkOptions, "timeLimit">,
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
    return { ...readAnswer(stdout, words), status, signal: null, complaint: "" };
  } finally {
    limit.abort();
    await hangs.catch(() => undefined);
  }
}

function readAnswer(
  stdout: string,
  words: readonly string[],
): Pick<WorkResult, "saved" | "gone" | "removes" | "error"> {
  const idsAfter = (word: string) =>
    [...stdout.matchAll(new RegExp(`^${word} (\\w{64})$`, "gm"))].map(([, id = ""]) => layerId(id));
  const error = /^error (.*)$/m.exec(stdout)?.[1];
  const removes = words[0] === "delete" || words[0] === "prune";
  return { saved: idsAfter("saved"), gone: idsAfter("gone"), removes, error };
}
