import type { Emit, LayerId, StartSmokeTest } from "@ob/core";

/** A build of the check. Its spec is a text. */
export interface EngineBuild {
  readonly spec: string;
  readonly sourceDirectory: string;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly reuseVm: boolean;
  /** How long each step may take, in milliseconds. */
  readonly stepTimeoutMs: number;
}

export interface EngineOptions {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** What builds in the check's own store: the engine of every build, wired by the caller. Disposing closes it. */
export interface LifeCycleEngine extends AsyncDisposable {
  readonly startSmokeTest: StartSmokeTest;
  /** Builds a spec whose steps are located by line in their events. @throws ObError as `Builder.build`. */
  build(build: EngineBuild, options: EngineOptions): Promise<LayerId>;
  /**
   * A tar archive of directories of a layer, each with its last name, read from a guest and checked.
   *
   * @param paths as a spec has them.
   * @throws ObError as `Builder.openLayer`.
   */
  readTrees(id: LayerId, paths: readonly string[], options: EngineOptions): AsyncIterable<Uint8Array>;
}

/** @param store absolute path of a store, which has a base image. @throws ObError. */
export type OpenEngine = (store: string) => Promise<LifeCycleEngine>;
