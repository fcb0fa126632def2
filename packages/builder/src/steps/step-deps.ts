import type {
  CacheStore,
  Emit,
  GuestAccess,
  GuestImage,
  ObError,
  Sandbox,
  StepInfo,
  StepSession,
  Store,
} from "@ob/core";
import type { OutputTaken } from "../scheduling/scheduler.ts";
import type { MakeAgain } from "./lost-layers.ts";

/** Where in a spec a step is. */
export interface StepPosition {
  /** The base image of the stage. */
  readonly image: GuestImage;
  /** What runs the stage's steps; by default the sandbox runs each by itself. */
  readonly session?: StepSession | undefined;
  /** True if another step of the stage comes after it; by default false. */
  readonly keepVm?: boolean | undefined;
  /** True for the last step of the main build; by default false. */
  readonly isLast?: boolean | undefined;
  /** The `run` or `copy` before it in its stage. */
  readonly previous?: StepInfo | undefined;
  /** Makes the layer before it again; by default a step fails whose base was deleted. */
  readonly makeBase?: MakeAgain | undefined;
}

/** What ends a step that takes too much. */
export interface StepLimits {
  /** See `BuildOptions.stepTimeoutMs`. */
  readonly stepTimeoutMs?: number | undefined;
  /** See `BuilderOptions.diskReserve`. */
  readonly diskReserve?: number | undefined;
}

/** What a step needs that runs in a guest. */
export interface StepDeps extends StepPosition {
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly emit: Emit;
  /** By default there is none. */
  readonly limits?: StepLimits | undefined;
  /** Takes as much output as can be shown; by default any. */
  readonly outputTaken?: OutputTaken | undefined;
  /** See `BuildOptions.onFailure`. */
  readonly onFailure?: ((failure: StepFailure) => Promise<void>) | undefined;
}

/** A step whose command has failed, while its guest still runs. */
export interface StepFailure {
  readonly step: StepInfo;
  readonly error: ObError;
  /** The guest as the command left it; what is run there has the step's user, directory and environment. */
  readonly guest: GuestAccess;
}
