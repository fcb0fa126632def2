import { createReadStream } from "node:fs";
import type { BuildRequest } from "@ob/builder";
import {
  attachBuild,
  cancelBuild,
  clusterStatus,
  connectRedis,
  drainWorker,
  findBuild,
  submitBuild,
} from "@ob/cluster";
import {
  disposableWith,
  type Emit,
  type ImageManifest,
  type LayerId,
  ObError,
  makeTemporaryDirectory,
} from "@ob/core";
import { openRegistry, type Registry } from "@ob/registry";
import type { Spec } from "@ob/spec";
import type {
  ClusterConnection,
  ClusterSubmission,
  OpenClusterOptions,
  RegistryAddress,
} from "./cluster-ports.ts";
import { findUsableLayer } from "../sharing/source.ts";
import { registryLogs } from "./log-archive.ts";
import { PlanningStore } from "./planning-store.ts";
import { poolFor } from "./pools.ts";
import { sentContext } from "./registry-contexts.ts";
import { pullLog } from "./registry-layers.ts";

type Redis = Awaited<ReturnType<typeof connectRedis>>;

/** See `ClusterServices.open`. */
export async function openCluster(options: OpenClusterOptions): Promise<ClusterConnection> {
  await using stack = new AsyncDisposableStack();
  const { emit } = options;
  const open = (address: RegistryAddress | undefined) =>
    address &&
    stack.use(openRegistry({ ref: address.ref, ...(address.insecure && { insecure: true }), emit }));
  const registry = open(options.registry);
  const contexts = open(options.contextRegistry) ?? registry;
  const redis = await connectRedis(options.redis, "client");
  stack.defer(() => redis.disconnect());
  const calls: Omit<ClusterConnection, keyof AsyncDisposable> = {
    submit: async (request, submission) => {
      if (registry && contexts) return await submit(request, submission, { redis, registry, contexts });
      throw new ObError("USAGE", "A build needs a registry.");
    },
    find: async (build, signal) => await findBuild(redis, build, signal),
    attach: async (build, { emit: onEvent, outputTaken, signal }) =>
      await attachBuild(build, {
        redis,
        emit: onEvent,
        outputTaken,
        signal,
        ...(registry && {
          archive: registryLogs(registry),
          readLog: (id: LayerId, stop?: AbortSignal) => readLog(id, { registry, emit, signal: stop }),
        }),
      }),
    cancel: async (build) => await cancelBuild(redis, build),
    status: async () => await clusterStatus(redis),
    drain: async (worker) => await drainWorker(redis, worker),
  };
  return disposableWith(calls, stack);
}

async function submit(
  request: BuildRequest,
  { pool, ...submission }: ClusterSubmission,
  { redis, registry, ...to }: { readonly redis: Redis } & Readonly<Record<"registry" | "contexts", Registry>>,
): Promise<string> {
  const store = new PlanningStore(registry);
  const pools = new Map<string, string>();
  const status = pool === undefined ? await clusterStatus(redis) : { pools: [] };
  for (const image of imagesOf(request.spec)) {
    const manifest: ImageManifest | undefined = await store.manifestOf(image);
    pools.set(image, pool ?? poolFor(image, { manifest, pools: status.pools }));
  }
  const poolOf = (image: string): string => {
    const found = pools.get(image);
    if (found !== undefined) return found;
    throw new RangeError("all images of a spec have pools");
  };
  const contexts = sentContext({ registry: to.contexts, request, store });
  return await submitBuild(request, {
    ...submission,
    ...{ redis, store, poolOf, contexts },
  });
}

/** The base images of a spec and of its nested builds. */
function imagesOf(spec: Spec): ReadonlySet<string> {
  const images = new Set<string>();
  const work = [spec];
  for (let next = work.pop(); next; next = work.pop()) {
    images.add(next.from);
    work.push(...next.builds.map((nested) => nested.spec));
  }
  return images;
}

/** The log of a layer in the registry. */
async function* readLog(
  id: LayerId,
  { registry, emit, signal }: { registry: Registry; emit: Emit; signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  const layer = await findUsableLayer(registry, id, { emit, signal });
  if (!layer?.log) return;
  await using directory = await makeTemporaryDirectory("log");
  const file = await pullLog(layer, { registry, directory: directory.path, signal });
  if (file === undefined) return;
  for await (const chunk of createReadStream(file)) if (chunk instanceof Uint8Array) yield chunk;
}
