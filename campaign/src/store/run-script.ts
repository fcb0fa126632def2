import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { keptPreload } from "../faults.ts";
import { whoWaits } from "./who-waits.ts";

export interface ScriptOptions {
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** When it is killed, in milliseconds from its start. */
  readonly killAfter?: number | undefined;
  /** How long it may take at most, in milliseconds: a longer one hangs. */
  readonly timeLimit: number;
  /** Absolute path of the store whose locks are told of if it hangs. */
  readonly directory: string;
}

/** How a script has ended. */
export interface ScriptResult {
  readonly stdout: string;
  /** The error that it reported, as a line `error CODE MESSAGE`, if any. */
  readonly error: string | undefined;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to standard error. */
  readonly complaint: string;
}

/**
 * Runs a TypeScript file of the campaigns as a process.
 *
 * @throws Error if it takes longer than its limit: it says which locks each process on the store has and wants.
 */
export async function runScript(
  script: string,
  words: readonly string[],
  { environment, killAfter, timeLimit, directory }: ScriptOptions,
): Promise<ScriptResult> {
  const node = ["--conditions=@ob/source", "--experimental-strip-types", "--no-warnings"];
  const child = spawn(process.execPath, [...node, script, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    // Else most of the time of a short command goes into reading its sources.
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(keptPreload, "compile-cache"), ...environment },
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
  const error = /^error (.*)$/m.exec(stdout)?.[1];
  return { stdout, error, status, signal, complaint };
}
