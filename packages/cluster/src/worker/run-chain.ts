import { type CacheStore, isObError, type ObError, type ObEvent, type Sandbox } from "@ob/core";
import { createBuilder } from "@ob/builder";
import { parseSpec, type Spec } from "@ob/spec";
import type { Redis } from "ioredis";
import { ClusterStore } from "../claims/cluster-store.ts";
import type { LocalVersions } from "../claims/local-versions.ts";
import type { ClusterPorts } from "../claims/ports.ts";
import { emitBuildEvents } from "../engine/build-events.ts";
import type { ChainJob } from "../engine/build-record.ts";
import { failureOf } from "../engine/failure.ts";
import { channels, keys } from "../redis/keys.ts";
import type { LayerStates } from "../redis/layer-states.ts";
import { openSecrets } from "../secrets/sealed-secrets.ts";
import { timing } from "../timing.ts";
import type { ChainOutcome, ChainWatch } from "../watch/worker-watch.ts";
import type { ContextTransport, FetchedContext } from "./context-transport.ts";

export interface ChainPorts {
  readonly cluster: ClusterPorts;
  readonly versions: LocalVersions;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly contexts: ContextTransport | undefined;
  /** The private key of the pool. */
  readonly identity: string | undefined;
}

/** A chain that this worker builds. */
export interface RunningChain {
  readonly store: ClusterStore;
  /** Ends the step that runs. */
  readonly stop: (error: ObError) => void;
}

export interface ChainRunOptions {
  readonly signal: AbortSignal;
  readonly onStart: (chain: RunningChain) => void;
  readonly watch?: ChainWatch | undefined;
}

/** Builds a chain: the missing steps of a stage, in one session, by the engine of @ob/builder. */
export async function runChain(
  job: ChainJob,
  ports: ChainPorts,
  { signal, onStart, watch }: ChainRunOptions,
): Promise<ChainOutcome> {
  const { cluster, versions } = ports;
  const controller = new AbortController();
  const stop = (error: ObError) => controller.abort(error);
  const { chain, given } = job;
  const plan = { chain, given: new Set(given), bases: new Map(Object.entries(job.bases)), since: job.since };
  await using store = new ClusterStore({ ports: cluster, versions, plan, onStop: stop });
  onStart({ store, stop });
  try {
    await buildChain(job, ports, { store, watch, signal: AbortSignal.any([signal, controller.signal]) });
    return "built";
  } catch (error) {
    const outcome = outcomeOf(error);
    if (outcome === "failed") await fail(error, job, { store, states: cluster.states });
    if (outcome === "no-space") await store.claims.giveUpForSpace();
    return outcome;
  }
}

async function buildChain(
  job: ChainJob,
  ports: ChainPorts,
  { store, signal, watch }: Pick<ChainRunOptions, "signal" | "watch"> & { readonly store: ClusterStore },
): Promise<void> {
  const { cluster, sandbox, caches, contexts, identity } = ports;
  const { redis } = cluster.states;
  // The build is over, and with it its secrets; whoever else wants the layers asks for them.
  if (!(await isOpen(job.build, redis))) return await cluster.states.announceAbsent(job.chain[0]);
  const sealed = await redis.get(keys.secrets(job.build));
  const secrets = sealed === null ? new Map() : await openSecrets(sealed, { identity, plan: job.plan });
  const spec = parseSpec(job.spec);
  await using context = await contextOf(job, contexts, signal);
  await using builder = createBuilder({ store, sandbox, caches, emit: cluster.emit });
  const emit = (event: ObEvent) => {
    watch?.emit?.(event);
    if (event.type !== "log" || event.level === "debug") return;
    const { level, text } = event;
    const shown = { v: 1, type: "log", level, text: text.slice(0, 100_000) } as const;
    void emitBuildEvents(redis, job.build, [shown]).catch(() => undefined);
  };
  const request = {
    spec,
    sourceDirectory: context.directory,
    secrets: usedSecrets(spec, secrets),
    // The client has left out what is ignored; an ignore file that was copied means nothing here.
    ignoreFile: false,
  } as const;
  await builder.build(request, { signal, emit });
}

/** True for a build that has neither ended nor failed as a whole. */
async function isOpen(build: string, redis: Redis): Promise<boolean> {
  const [isKnown, hasEnded, hasFault] = await Promise.all([
    redis.exists(keys.build(build)),
    redis.hexists(keys.build(build), "outcome"),
    redis.exists(keys.fault(build)),
  ]);
  return isKnown === 1 && hasEnded === 0 && hasFault === 0;
}

async function contextOf(
  { context }: ChainJob,
  contexts: ContextTransport | undefined,
  signal: AbortSignal,
): Promise<FetchedContext> {
  if (context !== undefined && contexts) return await contexts.fetch(context, signal);
  return { directory: "/nonexistent", [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** The secrets that a stage uses: the build can have more. */
function usedSecrets(spec: Spec, secrets: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  const ops = [...spec.builds.flatMap((nested) => nested.spec.ops), ...spec.ops];
  const used = ops.flatMap((op) => (op.op === "run" ? op.secrets.map(({ id }) => id) : []));
  return new Map(
    used.flatMap((id) => {
      const value = secrets.get(id);
      return value ? [[id, value] as const] : [];
    }),
  );
}

function outcomeOf(error: unknown): ChainOutcome {
  // What ails this worker and not the step: others go on.
  if (isObError(error, "CANCELLED", "LAYER_BUSY", "NO_SUCH_LAYER", "REGISTRY")) return "left";
  return isObError(error, "NO_SPACE") ? "no-space" : "failed";
}

/**
 * Records a failure: of the layer that was being made, for all builds that want it; otherwise of the build alone. The ids of a
 * chain are its client's word: what goes wrong before the builder has asked for one of them says nothing about that layer.
 */
async function fail(
  error: unknown,
  { build, chain }: ChainJob,
  { store, states }: { readonly store: ClusterStore; readonly states: LayerStates },
): Promise<void> {
  const record = failureOf(error, await states.now());
  const { current } = store.claims;
  if (current !== undefined) return await store.claims.fail(current, record);
  await states.redis.set(keys.fault(build), JSON.stringify(record), "PX", timing.running, "NX");
  await states.redis.publish(channels.cancelled, build);
  await states.announceAbsent(chain[0]);
}
