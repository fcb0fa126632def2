import { randomUUID } from "node:crypto";
import {
  type CacheStore,
  cancelledError,
  type Emit,
  isObError,
  tailLines,
  ObError,
  type Sandbox,
  type Store,
} from "@ob/core";
import { initialContext } from "./context.ts";
import { noDigestCache } from "./source/digest-cache.ts";
import { noDirectories } from "./source/own-directories.ts";
import type { StepDeduplicator } from "./sharing/single-flight.ts";
import { healthcheckId } from "./steps/step-id.ts";
import { baseLayer, baseUnder, prepareFrom } from "./steps/from.ts";
import { withLayer } from "./steps/lost-layers.ts";
import { prepareRun, runLayer } from "./steps/run.ts";

export interface HealthcheckOptions {
  /** The base image to check. */
  readonly image: string;
  /** How long the step may take once the base layer is there, in milliseconds; by default five minutes. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HealthcheckDeps {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly layers: StepDeduplicator;
  readonly emit: Emit;
}

const word = "healthcheck";
const defaultDeadline = 5 * 60 * 1000;

/** How much of the output is kept, in characters. */
const maxOutput = 65_536;

/**
 * Builds a layer that no build has, from the image to the commit, and deletes it again.
 *
 * @throws ObError what a step throws; `TIMEOUT` if the deadline passes, `GUEST_LOST` if the command's output does
 * not come back.
 */
export async function healthcheck(options: HealthcheckOptions, deps: HealthcheckDeps): Promise<void> {
  const { image: name, deadlineMs = defaultDeadline, signal: caller } = options;
  const { store, sandbox, caches, layers, emit } = deps;
  const request = { spec: { builds: [], from: name, ops: [] }, sourceDirectory: "/" };
  const context = initialContext(request, { digests: noDigestCache, own: noDirectories, ignore: undefined });
  const from = await prepareFrom(request.spec, context, store);
  const makeBase = async () => {
    await layers.getOrBuild(baseLayer(from, emit), { signal: caller, onOutput: () => undefined });
  };
  await makeBase();
  const base = { id: from.info.id, makeAgain: makeBase };
  const image = await withLayer(base, { emit, signal: caller }, () => store.baseInfo(baseUnder(from)));
  const command = { op: "run", caches: [], network: [], secrets: [], command: `echo ${word}` } as const;
  const step = prepareRun(command, { ...context, environment: image.environment }, from.info.id);
  const id = healthcheckId(step.inputs, randomUUID());
  const layer = { ...runLayer(step, { store, sandbox, caches, image, emit, makeBase }), id };

  const deadline = AbortSignal.timeout(deadlineMs);
  let said = "";
  try {
    await layers.getOrBuild(layer, {
      signal: caller ? AbortSignal.any([caller, deadline]) : deadline,
      onOutput: (bytes) => {
        said = (said + Buffer.from(bytes).toString()).slice(-maxOutput);
      },
    });
  } catch (error) {
    if (caller?.aborted) throw cancelledError(caller);
    if (!deadline.aborted) throw error;
    throw new ObError("TIMEOUT", `${name} did not finish its healthcheck in ${deadlineMs / 1000} s.`, {
      cause: error,
      data: { limit: "healthcheck" },
    });
  }
  // Another process may have pruned it.
  await store.delete(id).catch((error: unknown) => {
    if (!isObError(error, "NO_SUCH_LAYER")) throw error;
  });
  if (said.includes(word)) return;
  throw new ObError("GUEST_LOST", `${name} ran \`echo ${word}\`, which printed:\n${tailLines(said, 8)}`, {
    hint: "A login script of the guest's user may change the output.",
  });
}
