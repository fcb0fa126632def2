import {
  type CacheStore,
  checkOptions,
  type Emit,
  type EphemeralGuest,
  type GuestImage,
  type LayerId,
  type Sandbox,
  noopEmit,
  parseTagName,
  type Store,
  throwIfCancelled,
} from "@ob/core";
import { expandRequest } from "./expand-request.ts";
import { initialContext } from "./context.ts";
import { digestCacheFor } from "./source/digest-cache.ts";
import { warnOfGuessableSecrets } from "./guessable-secrets.ts";
import { healthcheck, type HealthcheckOptions } from "./healthcheck.ts";
import { type LimitedBuild, withBuildLimit } from "./limits/build-limit.ts";
import { openLayer, type OpenLayerOptions } from "./open-layer.ts";
import { type PlannedStep, planBuild } from "./plan.ts";
import type { BuildRequest } from "./request.ts";
import { validateGuests } from "./validate-guests.ts";
import {
  ignoreRulesFor,
  ownDirectoriesFor,
  validateRequest,
  validateSources,
  validateTargets,
  warnOfUnusedSecrets,
} from "./validate-request.ts";
import { buildVisitor } from "./scheduling/build-visitor.ts";
import { runParallel } from "./scheduling/parallel.ts";
import { type NoCache, RenewedSteps, warnOfUnknownStages } from "./scheduling/renewed-steps.ts";
import { type BuildScope, type OutputTaken, runSequentially, toBoth } from "./scheduling/scheduler.ts";
import { walkSpec } from "./scheduling/walk-spec.ts";
import { StepDeduplicator } from "./sharing/single-flight.ts";
import { withLayer } from "./steps/lost-layers.ts";
import type { StepFailure } from "./steps/step-deps.ts";

export interface BuilderOptions {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  /** Absolute path of the directory that caches the digests of source files; by default none is cached. */
  readonly digestDirectory?: string | undefined;
  readonly emit?: Emit | undefined;
  /** How long the log of a step gets, in bytes; what exceeds it is dropped. By default 128 MiB; 0 for any length. */
  readonly logLimit?: number | undefined;
  /**
   * What must stay free on the store's disk while a step runs, in bytes: else the step ends with `NO_SPACE` before the
   * disk is full. By default 256 MiB; 0 for nothing.
   */
  readonly diskReserve?: number | undefined;
}

const defaultLogLimit = 128 * 2 ** 20;
const defaultDiskReserve = 256 * 2 ** 20;

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * How many builds of the spec may run in parallel, each in a virtual machine: nested builds that do not copy from each
   * other, and what does not copy from them. The first failure cancels all. By default 1: one after the other.
   */
  readonly jobs?: number | undefined;
  /** With several jobs: emits events in the order of the spec, and holds back those that come too early. */
  readonly ordered?: boolean | undefined;
  /** Gets this build's events instead of the builder's own `emit`. */
  readonly emit?: Emit | undefined;
  /** Gets each event of this build when it happens, also one that `ordered` holds back. By default nothing does. */
  readonly onEvent?: Emit | undefined;
  /**
   * Called when a `run` of this build has failed, before its guest is stopped: the build waits for it, and then fails as
   * it would have without. Of several builds that wait for a step, the one that runs it is asked.
   */
  readonly onFailure?: ((failure: StepFailure) => Promise<void>) | undefined;
  /**
   * How long each step may take, in milliseconds; by default as long as it likes. The time begins when its machine is
   * started. A build that waits for another build's run of a step waits without a limit of its own; if that run exceeds
   * the other build's limit, this build runs the step itself.
   */
  readonly stepTimeoutMs?: number | undefined;
  /** How long the build may take, in milliseconds, with all that it waits for; by default as long as it likes. */
  readonly timeoutMs?: number | undefined;
  /** Lets one virtual machine serve several steps where that is safe; by default true. False boots one for each step. */
  readonly reuseVm?: boolean | undefined;
  /** Names that the last layer gets when the build has succeeded; see `parseTagName`. By default none. */
  readonly tags?: readonly string[] | undefined;
  /**
   * Runs steps although their layers exist: all, or those of the nested builds of these names, where an empty name is the main build. The new
   * layer of a step stands for it in later builds. By default none.
   */
  readonly noCache?: NoCache | undefined;
  /**
   * Called after each `step-output`: a promise says that no more can be taken until it resolves. Until then the command in
   * the guest waits, as at a pipe that is full. It must not reject. By default output is taken as fast as it comes.
   */
  readonly outputTaken?: OutputTaken | undefined;
}

/**
 * Builds specs. The ports stay the caller's: disposing of the builder cancels what runs and waits for it, and closes
 * none of them. Builds may run in parallel; a step that two of them need is run once.
 */
export interface Builder extends AsyncDisposable {
  /**
   * Builds every layer that the store does not have, and resolves with the id of the last one. Emits `step-started`,
   * `step-output` and `step-finished` for each step.
   *
   * @throws ObError `STEP_FAILED` if a command fails, `TIMEOUT` if a limit is exceeded, `CANCELLED` if the signal fires, and what the ports throw. When it
   *   rejects, all that this build held has been released.
   */
  build(request: BuildRequest, options?: BuildOptions): Promise<LayerId>;

  /** What `build` would do; see `planBuild`. */
  plan(request: BuildRequest, options?: BuildOptions): Promise<readonly PlannedStep[]>;

  /**
   * Boots an ephemeral guest on a layer. What is done there is discarded: the layer never changes. The caller disposes
   * of the guest.
   *
   * @throws ObError `NO_SUCH_LAYER`, and what the ports throw.
   */
  openLayer(id: LayerId, options?: OpenLayerOptions): Promise<EphemeralGuest>;

  /** Checks that a base image can be imported, booted, run a command in and committed. Leaves the base layer only. */
  healthcheck(options: HealthcheckOptions): Promise<void>;
}

export function createBuilder(options: BuilderOptions): Builder {
  checkOptions("createBuilder", options, {
    store: "object",
    sandbox: "object",
    caches: "object",
    digestDirectory: "string?",
    emit: "function?",
    logLimit: "number?",
    diskReserve: "number?",
  });
  const { store, sandbox, caches, digestDirectory, emit: ownEmit = noopEmit } = options;
  const { logLimit = defaultLogLimit, diskReserve = defaultDiskReserve } = options;
  const layers = new StepDeduplicator(store, { logLimit });
  const engine: Engine = { store, sandbox, caches, layers, digestDirectory, diskReserve };
  return {
    build: async (request, { signal, timeoutMs, ...building } = {}) =>
      await withBuildLimit({ signal, timeoutMs }, async (limited) => {
        const { emit = ownEmit } = building;
        return await buildSpec(request, { ...building, ...limited, emit }, engine);
      }),
    plan: async (request, { signal, noCache, emit = ownEmit } = {}) =>
      await planBuild({ store, digestDirectory, emit, guest: (image) => sandbox.guest(image) }, request, {
        signal,
        noCache,
      }),
    openLayer: async (id, opening = {}) =>
      await openLayer(id, { store, sandbox }, { ...opening, emit: opening.emit ?? ownEmit }),
    healthcheck: async (check) => await healthcheck(check, { store, sandbox, caches, layers, emit: ownEmit }),
    [Symbol.asyncDispose]: async () => await layers[Symbol.asyncDispose](),
  };
}

/** What all builds of a builder share. */
interface Engine extends Pick<BuilderOptions, "store" | "sandbox" | "caches" | "digestDirectory"> {
  readonly layers: StepDeduplicator;
  readonly diskReserve: number;
}

async function buildSpec(
  given: BuildRequest,
  options: Omit<BuildOptions, "timeoutMs"> & LimitedBuild & { readonly emit: Emit },
  { store, sandbox, caches, layers, digestDirectory, diskReserve }: Engine,
): Promise<LayerId> {
  const { signal, onEvent, onFailure, onTimeout, outputTaken, stepTimeoutMs } = options;
  const { jobs = 1, ordered = false, reuseVm = true } = options;
  const emit = toBoth(onEvent, options.emit);
  const tags = (options.tags ?? []).map(parseTagName);
  const request = expandRequest(given, { emit });
  validateRequest(request);
  validateTargets(request, sandbox);
  throwIfCancelled(signal);
  warnOfUnusedSecrets(request, emit);
  warnOfUnknownStages(options.noCache, { spec: request.spec, emit });
  warnOfGuessableSecrets(request, emit);
  const own = await ownDirectoriesFor(request, store);
  const ignore = await ignoreRulesFor(request);
  await validateSources(request, { own, ignore });
  const guest = (image: GuestImage) => sandbox.guest(image);
  await validateGuests(request, { store, guest, requireImages: true });

  const limits = { stepTimeoutMs, diskReserve };
  const visitor = (scope: BuildScope) =>
    buildVisitor({ store, sandbox, caches, layers, scope, limits, onFailure, onTimeout, reuseVm });
  await using digests = digestCacheFor(request.sourceDirectory, digestDirectory);
  const context = initialContext(request, { digests, own, ignore });
  const { spec } = request;
  const readLog = store.readLog.bind(store);
  const renewed = new RenewedSteps(store, options.noCache);
  const run = (scope: BuildScope) => walkSpec(spec, context, { store, visitor, scope, renewed });
  const built =
    jobs === 1 || spec.builds.length === 0
      ? await run(runSequentially({ emit, outputTaken, signal }))
      : await runParallel({ jobs, emit: options.emit, onEvent, outputTaken, readLog, ordered, signal }, run);
  const { id } = built;
  if (tags.length > 0) {
    await withLayer(built, { emit, outputTaken, signal }, () => store.tag(id, tags, signal));
  }
  return id;
}
