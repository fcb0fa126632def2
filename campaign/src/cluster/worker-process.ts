import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { type LayerId, layerId } from "@ob/core";
import { keptPreload } from "../faults.ts";

/** A worker that runs worker-work.ts. Disposing kills it. */
export interface CampaignWorker extends AsyncDisposable {
  /** Layers that it has said were saved. */
  readonly saved: readonly LayerId[];
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly isKilled: () => boolean;
  /** Lets it finish. @returns what is wrong with how it ended, in words; nothing if it was killed. */
  drain(): Promise<readonly string[]>;
}

const script = path.join(import.meta.dirname, "worker-work.ts");

/** @param words the arguments of worker-work.ts. */
export function startWorker(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): CampaignWorker {
  const node = ["--conditions=@ob/source", "--experimental-strip-types", "--no-warnings"];
  const child = spawn(process.execPath, [...node, script, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(keptPreload, "compile-cache"), ...environment },
  });
  const saved: LayerId[] = [];
  const complaints: string[] = [];
  let isReady = false;
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line === "ready") isReady = true;
    const id = /^saved (\w{64})$/.exec(line)?.[1];
    if (id !== undefined) saved.push(layerId(id));
  });
  createInterface({ input: child.stderr }).on("line", (line) => complaints.push(line));
  const ended = once(child, "close").then(() => undefined);
  const isKilled = () => child.signalCode === "SIGKILL";
  return {
    saved,
    ended,
    isKilled,
    drain: async () => {
      if (isKilled()) return [];
      // Before that it does not listen to the signal.
      if (isReady) child.kill("SIGTERM");
      else if (child.exitCode === null) child.kill("SIGKILL");
      await ended;
      return isKilled() || child.exitCode === 0
        ? []
        : [`the worker ended with ${child.exitCode}: ${complaints.slice(-5).join("; ")}`];
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
