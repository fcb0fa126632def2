import type { Builder, BuildOptions, BuildRequest, PlannedStep } from "@ob/builder";
import { firstError, type LayerId, throwIfCancelled } from "@ob/core";
import type { CacheOptions } from "../args/cache-options.ts";
import type { StoreLocation } from "../args/store-location.ts";
import { layerCount } from "../args/layer-ref.ts";
import type { ProcessIo } from "../process-io.ts";
import type { Progress } from "../progress/progress.ts";
import type { Services } from "../services.ts";
import type { Sharing } from "./sharing.ts";

export interface BuildSharingOptions {
  readonly services: Services;
  readonly location: StoreLocation;
  readonly io: ProcessIo;
  readonly progress: Progress;
}

/** What a build shares its layers with. Undefined if nothing is left of what was asked for; a warning says why. */
export async function openBuildSharing(
  cache: CacheOptions,
  { services, location, io, progress }: BuildSharingOptions,
): Promise<Sharing | undefined> {
  for (const text of cache.notes) progress.emit({ type: "log", level: "warning", text });
  if (cache.from.length === 0 && !cache.to) return undefined;
  return await services.openSharing({ ...cache, location, emit: progress.emit, signal: io.signal });
}

export interface SharedBuild {
  readonly builder: Builder;
  readonly request: BuildRequest;
  readonly options: BuildOptions;
  readonly sharing: Sharing;
  readonly progress: Progress;
}

/**
 * Builds with the layers of registries, and waits until its own are pushed, also if it has failed: others need not make them
 * again. If a layer that was found cannot be pulled, the build starts again without it: what it has made is in the store.
 */
export async function buildShared(build: SharedBuild): Promise<LayerId> {
  const { builder, request, options, sharing, progress } = build;
  const { signal } = options;
  for (;;) {
    try {
      const steps = await builder.plan(request, { signal, emit: () => undefined });
      await sharing.prefetch(lastOfStages(steps));
      const id = await builder.build(request, options);
      await finish(sharing, progress);
      throwIfCancelled(signal);
      return id;
    } catch (error) {
      if (signal?.aborted) throw error;
      if (sharing.isUnusableLayer(firstError(error))) continue;
      await sharing.finish().catch(() => undefined);
      throw error;
    }
  }
}

async function finish(sharing: Sharing, progress: Progress): Promise<void> {
  if (sharing.waiting > 0) progress.say(`Pushing ${layerCount(sharing.waiting)}…`);
  await sharing.finish();
}

/** The last layer of each stage, that of the main build last. */
function lastOfStages(steps: readonly PlannedStep[]): readonly LayerId[] {
  const last = new Map<string, LayerId>();
  for (const { op, build, id } of steps) {
    if (op !== "from") last.set(JSON.stringify(build), id);
  }
  return [...last.values()];
}
