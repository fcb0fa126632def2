import type {
  CacheStore,
  Emit,
  GuestAccess,
  GuestImage,
  ObError,
  Sandbox,
  StepInfo,
  StepSequence,
} from "@ob/core";

/** What a step needs that runs in a guest. */
export interface StepDeps {
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly image: GuestImage;
  /** What runs the step; by default the sandbox, by itself. */
  readonly session?: StepSequence | undefined;
  /** See `SandboxStep.followed`. */
  readonly keepVm?: boolean | undefined;
  readonly emit: Emit;
  /** See `BuildOptions.onFailure`. */
  readonly onFailure?: ((failure: StepFailure) => Promise<void>) | undefined;
}

/** A step whose command has failed, while its guest is still there. */
export interface StepFailure {
  readonly step: StepInfo;
  readonly error: ObError;
  /** The guest as the command left it; what is run there has the step's user, directory and environment. */
  readonly guest: GuestAccess;
}
