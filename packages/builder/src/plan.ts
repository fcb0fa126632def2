import {
  checkOptions,
  type Emit,
  type GuestDescription,
  type GuestImage,
  isObError,
  type LayerId,
  type LayerRenewals,
  noopEmit,
  type StepInfo,
  type Store,
} from "@ob/core";
import { type NoCache, RenewedSteps } from "./scheduling/renewed-steps.ts";
import { runSequentially } from "./scheduling/scheduler.ts";
import { expandRequest } from "./expand-request.ts";
import { initialContext } from "./context.ts";
import { type CopySize, copySize } from "./source/copy-size.ts";
import { digestCacheFor } from "./source/digest-cache.ts";
import type { BuildRequest } from "./request.ts";
import { validateGuests } from "./validate-guests.ts";
import {
  ignoreRulesFor,
  ownDirectoriesFor,
  validateRequest,
  validateSources,
  warnOfUnusedSecrets,
} from "./validate-request.ts";
import { walkSpec } from "./scheduling/walk-spec.ts";
import { baseUnder, unknownBase } from "./steps/from.ts";
import type { GuestStep } from "./steps/guest-step.ts";

/** A step as a build would run it now. */
export interface PlannedStep extends StepInfo {
  /** True if the layer is in the store: the step would not run. */
  readonly cached: boolean;
  /** The base image that is needed and does not exist. */
  readonly missingImage?: string;
  /** What a `copy` of the source directory takes, with `PlanBuildOptions.sizes`. */
  readonly size?: CopySize;
}

export interface PlanBuildOptions {
  readonly signal?: AbortSignal | undefined;
  /** Measures what each `copy` takes; by default false. */
  readonly sizes?: boolean | undefined;
  /** See `BuildOptions.noCache`. A step that would be run anew has an id that no build has. */
  readonly noCache?: NoCache | undefined;
  /** Called with each step when it is planned: between the notes that `PlanOptions.emit` gets. */
  readonly onStep?: ((step: PlannedStep) => void) | undefined;
}

export interface PlanOptions {
  readonly store: Store;
  /** See `BuilderOptions.digestDirectory`. */
  readonly digestDirectory?: string | undefined;
  readonly emit?: Emit | undefined;
  /** See `Sandbox.guest`. With it the plan refuses what the guests cannot do, as far as their images are known. */
  readonly guest?: ((image: GuestImage) => GuestDescription) | undefined;
}

/**
 * The steps of a build in order, nested builds first, with the ids that the build will have. Reads the source
 * directory and the store, and writes neither: neither QEMU nor the base image is needed.
 *
 * @throws ObError as `Builder.build` before it runs anything.
 */
export async function planBuild(
  options: PlanOptions,
  given: BuildRequest,
  { signal, sizes = false, noCache, onStep }: PlanBuildOptions = {},
): Promise<readonly PlannedStep[]> {
  checkOptions("planBuild", options, {
    store: "object",
    digestDirectory: "string?",
    emit: "function?",
    guest: "function?",
  });
  const { store, digestDirectory, emit = noopEmit, guest } = options;
  const request = expandRequest(given, { emit });
  validateRequest(request);
  warnOfUnusedSecrets(request, emit);
  const steps: PlannedStep[] = [];
  const add = (step: PlannedStep) => {
    steps.push(step);
    onStep?.(step);
  };
  const cached = async (id: LayerId) => (await store.find(id)) !== undefined;
  const plan = async (step: GuestStep) => {
    const { info } = step;
    const size =
      sizes && step.kind === "copy"
        ? { size: copySize(step.transfer.manifests, request.sourceDirectory) }
        : {};
    add({ ...info, cached: await cached(info.id), ...size });
  };
  const own = await ownDirectoriesFor(request, store);
  const ignore = await ignoreRulesFor(request);
  await validateSources(request, { own, ignore });
  await validateGuests(request, { store, guest });
  await using digests = digestCacheFor(request.sourceDirectory, digestDirectory);
  await walkSpec(request.spec, initialContext(request, { digests, own, ignore }), {
    store,
    // Nothing is run, so nothing may be remembered.
    renewed: new RenewedSteps({ find: (id) => store.find(id), renewals: readOnly(store.renewals) }, noCache),
    scope: runSequentially({ emit, signal }),
    visitor: () => ({
      note: (text, build) => emit({ type: "note", text, build }),
      session: () => undefined,
      step: plan,
      from: async (step) => {
        const { info, image } = step;
        const isCached = await cached(info.id);
        const missing = isCached || image.present ? {} : { missingImage: image.name };
        add({ ...info, cached: isCached, ...missing });
        if (!isCached) return unknownBase;
        return await store.baseInfo(baseUnder(step)).catch((error: unknown) => {
          // It was deleted meanwhile.
          if (isObError(error, "NO_SUCH_LAYER")) return unknownBase;
          throw error;
        });
      },
    }),
  });
  return steps;
}

function readOnly(renewals: LayerRenewals | undefined): LayerRenewals | undefined {
  return renewals && { current: (id) => renewals.current(id), renew: () => undefined };
}
