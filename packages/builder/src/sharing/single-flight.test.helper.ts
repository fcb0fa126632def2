import { type LayerId, layerId, ObError, sha256 } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { gate, until } from "../builds.test.helper.ts";
import type { LayerJob, StepDeduplicator } from "./single-flight.ts";

export const base = layerId(sha256("base"));
export const id = layerId(sha256("step"));

/** A store with a base layer. */
export async function storeWithBase(): Promise<MemoryStore> {
  const store = new MemoryStore({ images: ["base"] });
  const claim = await store.tryBegin(base);
  await claim?.importBase("base");
  await claim?.commit();
  await claim?.[Symbol.asyncDispose]();
  return store;
}

/** A making that can be driven from outside. */
export function driven() {
  const finish = gate();
  const makings: LayerJob[] = [];
  const make = async (making: LayerJob) => {
    makings.push(making);
    const stopped = Promise.withResolvers<never>();
    making.signal.addEventListener("abort", () => stopped.reject(new ObError("CANCELLED", "stopped")));
    await Promise.race([finish.opened, stopped.promise]);
    await making.writer.createDisk(base);
    await making.writer.commit();
  };
  return {
    make,
    finish: finish.open,
    makings,
    output: (text: string) => makings.at(-1)?.onOutput(Buffer.from(text)),
    begun: () => until(() => makings.length > 0),
  };
}

export interface User {
  readonly outcome: Promise<string>;
  readonly cancel: () => void;
  readonly output: () => string;
}

export function user(
  steps: StepDeduplicator,
  make: (making: LayerJob) => Promise<void>,
  wanted: LayerId = id,
): User {
  const controller = new AbortController();
  let got = "";
  const onOutput = (bytes: Uint8Array) => {
    got += Buffer.from(bytes).toString();
  };
  const outcome = steps
    .getOrBuild({ id: wanted, build: make }, { signal: controller.signal, onOutput })
    .catch((error: unknown) => (error instanceof ObError ? error.code : String(error)));
  return { outcome, cancel: () => controller.abort(), output: () => got };
}
