import {
  type CacheStore,
  type Emit,
  type GuestVisit,
  isObError,
  type LayerId,
  type Sandbox,
  silent,
  type StepInfo,
  type Store,
} from "@ob/core";
import { type BuildScope, runSequentially } from "./scheduling/scheduler.ts";
import { initialContext } from "./context.ts";
import { digestCacheFor } from "./source/digest-cache.ts";
import { healthcheck, type HealthcheckOptions } from "./healthcheck.ts";
import { openLayer, type OpenLayerOptions } from "./open-layer.ts";
import { type PlannedStep, planBuild } from "./plan.ts";
import type { BuildRequest } from "./request.ts";
import { ownDirectoriesFor, validateRequest } from "./validate-request.ts";
import { walkSpec, type StepPosition, type StepVisitor } from "./scheduling/walk-spec.ts";
import { type LayerJob, StepDeduplicator } from "./sharing/single-flight.ts";
import { runParallel } from "./scheduling/parallel.ts";
import { copyIntoGuest } from "./steps/copy.ts";
import { copyBetweenGuests } from "./steps/copy-from-build.ts";
import { importBase } from "./steps/from.ts";
import { runInGuest } from "./steps/run.ts";
import type { StepFailure } from "./steps/step-deps.ts";

export interface BuilderOptions {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  /** Absolute path of a directory in which the digests of source files are remembered; by default nowhere. */
  readonly digestDirectory?: string | undefined;
  readonly emit?: Emit | undefined;
}

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * How many builds of the spec may run side by side, each in a virtual machine: nested builds that do not copy from each
   * other, and what does not copy from them. The first failure cancels all. By default 1: one after the other.
   */
  readonly jobs?: number | undefined;
  /** With several jobs: hands events on in the order of the spec, and holds back what comes too early. */
  readonly ordered?: boolean | undefined;
  /** Gets this build's events instead of the builder's own `emit`. */
  readonly emit?: Emit | undefined;
  /**
   * Called when a `run` of this build has failed, before its guest goes: the build waits for it, and then fails as it
   * would have without. A step that several builds wait for asks the one that makes it.
   */
  readonly onFailure?: ((failure: StepFailure) => Promise<void>) | undefined;
  /** Lets one virtual machine serve several steps where that is safe; by default true. False boots one for each step. */
  readonly reuseVm?: boolean | undefined;
}

/**
 * Builds specs. The ports stay the caller's: disposing of the builder cancels what runs and waits for it, and closes
 * none of them. Builds may run side by side; a step that two of them want is made once.
 */
export interface Builder extends AsyncDisposable {
  /**
   * Makes every layer that the store does not have, and resolves with the id of the last one. Emits `step-started`,
   * `step-output` and `step-finished` for each step.
   *
   * @throws ObError `STEP_FAILED` if a command fails, `CANCELLED` if the signal fires, and what the ports throw. When it
   *   rejects, all that this build held has been given back.
   */
  build(request: BuildRequest, options?: BuildOptions): Promise<LayerId>;

  /** What `build` would do; see `planBuild`. */
  plan(request: BuildRequest, options?: BuildOptions): Promise<readonly PlannedStep[]>;

  /**
   * Boots a guest on a layer to look around in. Whatever is done there is thrown away: the layer never changes. The
   * caller disposes of the visit.
   *
   * @throws ObError `NO_SUCH_LAYER`, and what the ports throw.
   */
  openLayer(id: LayerId, options?: OpenLayerOptions): Promise<GuestVisit>;

  /** Tries out the whole way with a base image: import, boot, command, commit. Leaves the base layer only. */
  healthcheck(options: HealthcheckOptions): Promise<void>;
}

export function createBuilder(options: BuilderOptions): Builder {
  const { store, sandbox, caches, digestDirectory, emit: ownEmit = silent } = options;
  const steps = new StepDeduplicator(store);
  return {
    async build(
      request,
      { signal, emit = ownEmit, onFailure, jobs = 1, ordered = false, reuseVm = true } = {},
    ) {
      validateRequest(request);
      const { spec } = request;
      const visitor = (chain: BuildScope) =>
        makingVisitor({ store, sandbox, caches, steps, chain, onFailure, reuseVm });
      const own = await ownDirectoriesFor(request, store);
      await using memory = digestCacheFor(request.sourceDirectory, digestDirectory);
      const context = initialContext(request, { digests: memory, own });
      const run = (chain: BuildScope) => walkSpec(spec, context, { store, visitor, chain });
      const { id } =
        jobs === 1 || spec.builds.length === 0
          ? await run(runSequentially(emit, signal))
          : await runParallel({ jobs, emit, ordered, signal }, run);
      return id;
    },
    plan: async (request, { signal, emit = ownEmit } = {}) =>
      await planBuild({ store, digestDirectory, emit }, request, { signal }),
    openLayer: async (id, visit = {}) =>
      await openLayer(id, { store, sandbox }, { ...visit, emit: visit.emit ?? ownEmit }),
    healthcheck: async (check) => await healthcheck(check, { store, sandbox, caches, steps, emit: ownEmit }),
    [Symbol.asyncDispose]: async () => await steps[Symbol.asyncDispose](),
  };
}

interface VisitorOptions extends Omit<BuilderOptions, "emit" | "digestDirectory"> {
  readonly steps: StepDeduplicator;
  readonly chain: BuildScope;
  readonly onFailure: BuildOptions["onFailure"];
  readonly reuseVm: boolean;
}

/** Makes each step's layer, and tells those who watch. */
function makingVisitor(options: VisitorOptions): StepVisitor {
  const { store, sandbox, caches, steps, chain, onFailure, reuseVm } = options;
  const { emit, signal } = chain;
  const obtain = async (step: StepInfo, make: (making: LayerJob) => Promise<void>) => {
    // Before anything of the layer is claimed: who has a place never waits for who has none.
    await chain.admit(async () => !(await store.find(step.id)));
    const start = performance.now();
    emit({ type: "step-started", step });
    const finished = (outcome: "saved" | "cached" | "failed" | "cancelled") =>
      emit({ type: "step-finished", step, outcome, milliseconds: performance.now() - start });
    const onOutput = (bytes: Uint8Array) => emit({ type: "step-output", step, bytes });
    const outcome = await steps
      .getOrBuild({ id: step.id, build: make, emit }, { signal, onOutput })
      .catch((error) => {
        finished(isObError(error, "CANCELLED") ? "cancelled" : "failed");
        throw error;
      });
    finished(outcome);
  };
  const tools = (place: StepPosition) => ({ ...place, store, sandbox, caches, emit, onFailure });
  return {
    note: (text, build) => emit({ type: "note", text, build }),
    from: async (step) => {
      await obtain(step.info, (making) => importBase(step, making, emit));
      return await store.baseInfo(step.info.id);
    },
    session: () => (reuseVm ? sandbox.openSession() : undefined),
    run: (step, place) => obtain(step.info, (making) => runInGuest(step, making, tools(place))),
    copyFrom: (step, place) => obtain(step.info, (making) => copyBetweenGuests(step, making, tools(place))),
    copy: (step, place) => obtain(step.info, (making) => copyIntoGuest(step, making, tools(place))),
  };
}
