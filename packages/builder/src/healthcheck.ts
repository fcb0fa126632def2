import { randomUUID } from "node:crypto";
import {
  type CacheStore,
  cancelled,
  type Emit,
  lastLines,
  ObError,
  type Sandbox,
  type Store,
} from "@ob/core";
import { initialContext } from "./context.ts";
import { noDigestCache } from "./source/digest-cache.ts";
import { noDirectories } from "./source/own-directories.ts";
import type { StepDeduplicator } from "./sharing/single-flight.ts";
import { healthcheckId } from "./steps/step-id.ts";
import { importBase, prepareFrom } from "./steps/from.ts";
import { prepareRun, runInGuest } from "./steps/run.ts";

export interface HealthcheckOptions {
  /** The base image to try. */
  readonly image: string;
  /** The most that the step may take, in milliseconds, once the base layer is there; by default five minutes. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HealthcheckTools {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly steps: StepDeduplicator;
  readonly emit: Emit;
}

const word = "healthcheck";
const defaultDeadline = 5 * 60 * 1000;

/**
 * Makes one layer that no build has, from the image to the commit, and deletes it again.
 *
 * @throws ObError what a step throws; `GUEST_LOST` if the deadline passes or the command's output does not come back.
 */
export async function healthcheck(options: HealthcheckOptions, tools: HealthcheckTools): Promise<void> {
  const { image: name, deadlineMs = defaultDeadline, signal: caller } = options;
  const { store, sandbox, caches, steps, emit } = tools;
  const request = { spec: { builds: [], from: name, ops: [] }, sourceDirectory: "/" };
  const context = initialContext(request, { digests: noDigestCache, own: noDirectories });
  const from = await prepareFrom(name, context, store);
  await steps.getOrBuild(
    { id: from.info.id, emit, build: (making) => importBase(from, making, emit) },
    { signal: caller, onOutput: () => undefined },
  );
  const image = await store.baseInfo(from.info.id);
  const command = { op: "run", caches: [], network: [], secrets: [], command: `echo ${word}` } as const;
  const step = prepareRun(command, { ...context, environment: image.environment }, from.info.id);
  const id = healthcheckId(step.inputs, randomUUID());

  const deadline = AbortSignal.timeout(deadlineMs);
  const output: Uint8Array[] = [];
  try {
    await steps.getOrBuild(
      { id, emit, build: (making) => runInGuest(step, making, { sandbox, caches, image, emit }) },
      {
        signal: caller ? AbortSignal.any([caller, deadline]) : deadline,
        onOutput: (bytes) => void output.push(bytes),
      },
    );
  } catch (error) {
    if (caller?.aborted) throw cancelled(caller);
    if (!deadline.aborted) throw error;
    throw new ObError("GUEST_LOST", `${name} did not finish its healthcheck in ${deadlineMs / 1000} s.`, {
      cause: error,
    });
  }
  await store.delete(id);
  const said = Buffer.concat(output).toString();
  if (said.includes(word)) return;
  throw new ObError(
    "GUEST_LOST",
    `${name} ran \`echo ${word}\`, and this came back:\n${lastLines(said, 8)}`,
    {
      hint: "A login script of the guest's user may be in the way.",
    },
  );
}
