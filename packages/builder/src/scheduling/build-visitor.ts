import { type CacheStore, isObError, type Sandbox, type StepInfo, type Store } from "@ob/core";
import type { LayerBuild, StepDeduplicator } from "../sharing/single-flight.ts";
import { baseLayer } from "../steps/from.ts";
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
  /** False if each step gets a VM of its own. */
  readonly reuseVm: boolean;
}

/** Gets or builds each step's layer, and emits the step's events. */
export function buildVisitor(options: BuildVisitorOptions): StepVisitor {
  const { store, sandbox, caches, onFailure, reuseVm } = options;
  const { emit } = options.scope;
  return {
    note: (text, build) => emit({ type: "note", text, build }),
    async from(step) {
      await getLayer(step.info, baseLayer(step, emit), options);
      return await store.baseInfo(step.info.id);
    },
    session: () => (reuseVm ? sandbox.openSession() : undefined),
    async step(step, position) {
      const deps = { ...position, store, sandbox, caches, emit, onFailure };
      await getLayer(step.info, guestLayer(step, deps), options);
    },
  };
}

async function getLayer(
  step: StepInfo,
  layer: LayerBuild,
  { store, layers, scope }: BuildVisitorOptions,
): Promise<void> {
  const { emit, signal } = scope;
  // Before the layer is claimed: a build that has a slot never waits for one that has none.
  await scope.admit(async () => !(await store.find(step.id)));
  const start = performance.now();
  emit({ type: "step-started", step });
  const finished = (outcome: "saved" | "cached" | "failed" | "cancelled") =>
    emit({ type: "step-finished", step, outcome, milliseconds: performance.now() - start });
  const onOutput = (bytes: Uint8Array) => {
    emit({ type: "step-output", step, bytes });
    return scope.outputTaken?.();
  };
  const outcome = await layers.getOrBuild(layer, { signal, onOutput }).catch((error: unknown) => {
    finished(isObError(error, "CANCELLED") ? "cancelled" : "failed");
    throw error;
  });
  finished(outcome);
}
