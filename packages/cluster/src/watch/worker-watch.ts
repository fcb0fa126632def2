import type { LayerId, ObEvent } from "@ob/core";

/** A build that an engine of this worker looks after. */
export interface WatchedBuild {
  readonly build: string;
  readonly client: string;
  /** How many different layers it has. */
  readonly layers: number;
  /** See `SubmitOptions.traceparent`. */
  readonly traceparent: string | undefined;
}

/** How a build ended; `left` if this engine stopped, and another one goes on with it. */
export type WatchedBuildEnd = "built" | "failed" | "cancelled" | "left";

/** Is told of one build. */
export interface BuildWatch {
  /** What the chains of the build get as their `traceparent`; by default that of the build. */
  readonly traceparent?: string | undefined;
  /** Called once it is known how many layers there were already. */
  readonly layersFound?: ((count: number) => void) | undefined;
  readonly ended?: ((outcome: WatchedBuildEnd) => void) | undefined;
}

/** A chain that this worker builds. */
export interface WatchedChain {
  /** The build that asked for it first. */
  readonly build: string;
  readonly pool: string;
  /** The layers that are to be made. */
  readonly layers: readonly LayerId[];
  /** When it was added to the queue, in milliseconds since the epoch, by the clock of the host whose engine did so. */
  readonly queuedAt: number;
  /** W3C trace context of what asked for it. */
  readonly traceparent: string | undefined;
}

/** How a chain has ended. `left` means that others go on with it. */
export type ChainOutcome = "built" | "failed" | "left" | "no-space";

/** Is told of one chain. */
export interface ChainWatch {
  /** Gets all that the builder emits, also of steps that are not of the chain: those are cached. */
  readonly emit?: ((event: ObEvent) => void) | undefined;
  readonly ended?: ((outcome: ChainOutcome) => void) | undefined;
}

/** Is told what a worker does, for metrics, logs and traces. Nothing waits for it, and it must not throw. */
export interface WorkerWatch {
  /** An engine of this worker begins a build, or takes it over. */
  readonly buildStarted?: ((build: WatchedBuild) => BuildWatch | undefined) | undefined;
  /** A chain has left the queue, and has a slot. */
  readonly chainStarted?: ((chain: WatchedChain) => ChainWatch | undefined) | undefined;
}

/** One watch that tells several. Of their trace contexts the first is taken. */
export function watchWith(watches: readonly WorkerWatch[]): WorkerWatch {
  return {
    buildStarted: (build) => {
      const all = watches.flatMap((each) => each.buildStarted?.(build) ?? []);
      return {
        traceparent: all.find(({ traceparent }) => traceparent !== undefined)?.traceparent,
        layersFound: (count) => all.forEach((each) => each.layersFound?.(count)),
        ended: (outcome) => all.forEach((each) => each.ended?.(outcome)),
      };
    },
    chainStarted: (chain) => {
      const all = watches.flatMap((each) => each.chainStarted?.(chain) ?? []);
      return {
        emit: (event) => all.forEach((each) => each.emit?.(event)),
        ended: (outcome) => all.forEach((each) => each.ended?.(outcome)),
      };
    },
  };
}
