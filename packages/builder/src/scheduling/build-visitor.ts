import {
  type CacheStore,
  isObError,
  monotonicMs,
  type ObEvent,
  type Sandbox,
  type StepInfo,
  type Store,
  withFacts,
} from "@ob/core";
import { OutputTail } from "../sharing/output-tail.ts";
import type { LayerBuild, StepDeduplicator } from "../sharing/single-flight.ts";
import { loginError } from "../steps/login-error.ts";
import { baseLayer, baseUnder, type FromStep } from "../steps/from.ts";
import { FailedLookups } from "../steps/failed-lookups.ts";
import { withLayer } from "../steps/lost-layers.ts";
import { guestLayer } from "../steps/guest-step.ts";
import type { StepDeps } from "../steps/step-deps.ts";
import type { BuildScope } from "./scheduler.ts";
import type { StepVisitor } from "./walk-spec.ts";

export interface BuildVisitorOptions {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly layers: StepDeduplicator;
  readonly scope: BuildScope;
  readonly onFailure: StepDeps["onFailure"];
  readonly limits: StepDeps["limits"];
  /** Called with the error of a step that the limit of the build has ended. */
  readonly onTimeout: (error: unknown) => void;
  /** False if each step gets a VM of its own. */
  readonly reuseVm: boolean;
}

/** Gets or builds each step's layer, and emits the step's events. */
export function buildVisitor(options: BuildVisitorOptions): StepVisitor {
  const { store, sandbox, caches, limits, onFailure, reuseVm } = options;
  const { emit, outputTaken } = options.scope;
  return {
    note: (text, build) => emit({ type: "note", text, build }),
    async from(step) {
      const isTagged = step.image.base !== undefined;
      const get = () => getLayer(step.info, baseLayer(step, emit), options);
      if (isTagged) useTagged(step, options);
      else await get();
      const needed = { id: step.info.id, makeAgain: isTagged ? undefined : get };
      return await withLayer(needed, options.scope, () => store.baseInfo(baseUnder(step)));
    },
    session: () => (reuseVm ? sandbox.openSession() : undefined),
    async step(step, position) {
      const deps = { ...position, store, sandbox, caches, emit, outputTaken, limits, onFailure };
      const layer = guestLayer(step, deps);
      const build: LayerBuild["build"] = async (job) =>
        await layer.build(job).catch((error: unknown) => {
          throw loginError(error, position.previous);
        });
      const hasNoNetwork = step.kind === "run" && step.inputs.network.length === 0;
      const lookups = hasNoNetwork ? new FailedLookups() : undefined;
      await getLayer(step.info, { ...layer, build }, { ...options, lookups });
    },
  };
}

interface LayerOptions extends BuildVisitorOptions {
  /** Those in the output of a step without a network. */
  readonly lookups?: FailedLookups | undefined;
}

/** A layer that has a name is used as it is. Its log is that of another build. */
function useTagged({ info: step }: FromStep, { store, scope }: BuildVisitorOptions): void {
  store.recordUse(step.id);
  scope.emit({ type: "step-started", step });
  scope.emit({ type: "step-finished", step, outcome: "cached", milliseconds: 0 });
}

async function getLayer(
  step: StepInfo,
  layer: LayerBuild,
  { store, layers, scope, onTimeout, lookups }: LayerOptions,
): Promise<void> {
  const { emit, signal } = scope;
  // Before the layer is begun: a build that has a slot never waits for one that has none.
  await scope.admit(async () => !(await store.find(step.id)));
  const start = monotonicMs();
  emit({ type: "step-started", step });
  const finished = (outcome: "saved" | "cached" | "failed" | "cancelled") =>
    emit({ type: "step-finished", step, outcome, milliseconds: monotonicMs() - start });
  const tail = new OutputTail();
  const onOutput = (bytes: Uint8Array) => {
    tail.push(bytes);
    lookups?.push(bytes);
    emit({ type: "step-output", step, bytes });
    return scope.outputTaken?.();
  };
  const outcome = await layers.getOrBuild(layer, { signal, onOutput }).catch((thrown: unknown) => {
    const timedOut = isObError(thrown, "CANCELLED") && isObError(signal?.reason, "TIMEOUT");
    const error: unknown = timedOut ? signal.reason : thrown;
    if (lookups?.found) emit(lookupHint(step));
    finished(isObError(error, "CANCELLED") ? "cancelled" : "failed");
    const failure = explained(error, step, tail);
    if (timedOut) onTimeout(failure);
    throw failure;
  });
  if (lookups?.found && outcome === "saved") emit(lookupHint(step));
  finished(outcome);
}

/** Programs print this and end with 0, too: what they should have made is then missing in the layer. */
function lookupHint({ heading, at }: StepInfo): ObEvent {
  const place = at ? `${at.file}:${at.line}:${at.column}` : heading;
  const text = `${place}: A host name could not be resolved: this step has no network. (run (network host) …) gives it one.`;
  return { type: "log", level: "warning", text };
}

/** The error of a step, with the step. */
function explained(error: unknown, step: StepInfo, tail: OutputTail): unknown {
  if (!isObError(error) || error.code === "CANCELLED") return error;
  const { id, op, heading, build, at } = step;
  // Without a guest there is no output, and no log worth reading.
  if (op === "from") return withFacts(error, { at });
  return withFacts(error, { at, step: { id, op, heading, build, output: tail.text() } });
}
