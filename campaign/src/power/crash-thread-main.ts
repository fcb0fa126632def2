// A thread of the campaign `power`: it gets one crash after the other, and answers what is wrong.
import { parentPort, workerData } from "node:worker_threads";
import type { CrashRequest, CrashThreadData } from "./crash-thread.ts";
import { lookingOnce } from "../store/looked-at.ts";
import { loadRun, type RecordedRun } from "./recorded-run.ts";
import { tryCrash } from "./try-crash.ts";

const { reference, seed, directory }: CrashThreadData = workerData;
const lookAtDisk = lookingOnce();
const loaded = new Map<string, RecordedRun>();

parentPort?.on("message", (request: CrashRequest) => void reply(request));

async function reply({ saved, point }: CrashRequest): Promise<void> {
  const faults = await answer(saved, point);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is of windows.
  parentPort?.postMessage(faults);
}

async function answer(
  saved: CrashRequest["saved"],
  point: CrashRequest["point"],
): Promise<readonly string[]> {
  const recorded = loaded.get(saved.record) ?? (await loadRun(saved));
  loaded.set(saved.record, recorded);
  const kept = { ...reference, [Symbol.asyncDispose]: () => Promise.resolve() };
  return await tryCrash(recorded, point, { reference: kept, seed, directory, lookAtDisk });
}
