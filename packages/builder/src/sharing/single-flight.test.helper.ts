import { type LayerId, layerId, ObError, sha256 } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { gate, until } from "../builds.test.helper.ts";
import type { LayerJob, StepDeduplicator } from "./single-flight.ts";

export const base = layerId(sha256("base"));
export const id = layerId(sha256("step"));

/** A store with a base layer. */
export async function storeWithBase(): Promise<MemoryStore> {
  const store = new MemoryStore({ images: ["base"] });
  const writer = await store.tryBegin(base);
  await writer?.importBase("base");
  await writer?.commit();
  await writer?.[Symbol.asyncDispose]();
  return store;
}

/** A build that the test drives. */
export function driven() {
  const finish = gate();
  const jobs: LayerJob[] = [];
  const build = async (job: LayerJob) => {
    jobs.push(job);
    const stopped = Promise.withResolvers<never>();
    job.signal.addEventListener("abort", () => stopped.reject(new ObError("CANCELLED", "stopped")));
    await Promise.race([finish.opened, stopped.promise]);
    await job.writer.createDisk(base);
    await job.writer.commit();
  };
  return {
    build,
    finish: finish.open,
    jobs,
    output: (text: string) => jobs.at(-1)?.onOutput(Buffer.from(text)),
    begun: () => until(() => jobs.length > 0),
  };
}

export interface PendingRequest {
  readonly outcome: Promise<string>;
  readonly cancel: () => void;
  readonly output: () => string;
}

export function request(
  steps: StepDeduplicator,
  build: (job: LayerJob) => Promise<void>,
  wanted: LayerId = id,
): PendingRequest {
  const controller = new AbortController();
  let got = "";
  const onOutput = (bytes: Uint8Array) => {
    got += Buffer.from(bytes).toString();
  };
  const outcome = steps
    .getOrBuild({ id: wanted, build }, { signal: controller.signal, onOutput })
    .catch((error: unknown) => (error instanceof ObError ? error.code : String(error)));
  return { outcome, cancel: () => controller.abort(), output: () => got };
}
