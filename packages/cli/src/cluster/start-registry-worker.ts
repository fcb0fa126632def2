import { mkdir } from "node:fs/promises";
import { openCaches } from "@ob/cache";
import { connectRedis, startWorker, watchWith } from "@ob/cluster";
import { disposableWith, type LayerId, storeLayout } from "@ob/core";
import { openRegistry } from "@ob/registry";
import { createSandbox, diagnoseQemu } from "@ob/sandbox-qemu";
import { openStore } from "@ob/store-qcow";
import { sandboxOptions } from "../sandbox-options.ts";
import { storeFlags } from "../store-options.ts";
import type { RegistryAddress, StartedWorker, StartWorkerOptions } from "./cluster-ports.ts";
import { registryLogs } from "./log-archive.ts";
import { ownPool } from "./pools.ts";
import { receivedContexts } from "./registry-contexts.ts";
import { RegistryLayers } from "./registry-layers.ts";
import { WorkerImages, WorkerStore } from "./worker-images.ts";

/** See `ClusterServices.startWorker`. A store that does not exist is created: its images come from the registry. */
export async function startRegistryWorker(options: StartWorkerOptions): Promise<StartedWorker> {
  const { redis, location, flags, emit, signal } = options;
  const { directory } = location;
  // A worker waits for Redis for ever; whoever starts one wants to know that the address is right.
  (await connectRedis(redis, "client")).disconnect();
  await using stack = new AsyncDisposableStack();
  const { watches, onTransfer: onProgress } = options;
  const open = async ({ ref, insecure }: RegistryAddress) => {
    const opened = stack.use(openRegistry({ ref, ...(insecure && { insecure }), emit, onProgress }));
    await opened.ping({ signal });
    return opened;
  };
  const registry = await open(options.registry);
  const ofContexts = options.contextRegistry ? await open(options.contextRegistry) : registry;
  await mkdir(storeLayout(directory).baseImages, { recursive: true, mode: 0o700 });
  const own = stack.use(await openStore({ directory, ...storeFlags(flags), emit }));
  const images = new WorkerImages({ store: own, directory, registry, emit });
  const store = new WorkerStore(own, images);
  const caches = stack.use(await openCaches({ directory, emit }));
  const warmVms = {
    count: options.warm,
    limit: options.slots ?? 1,
    createDisk: async (id: LayerId, creating: AbortSignal) => await own.createScratchDisk(id, creating),
  };
  const sandbox = stack.use(
    await createSandbox({ ...(await sandboxOptions({ location, flags, emit })), warmVms }),
  );
  const pools =
    options.pools.length > 0
      ? options.pools
      : [await ownPool(flags, async (arch) => (await diagnoseQemu(arch, signal)).accelerator?.name)];
  const worker = stack.use(
    await startWorker({
      redis,
      pools,
      name: options.name,
      slots: options.slots,
      identity: options.identity,
      ...{ store, sandbox, caches, emit },
      transport: new RegistryLayers({ store, registry, images, emit }),
      contexts: receivedContexts({ registry: ofContexts, emit }),
      archive: registryLogs(registry),
      onDrain: () => void sandbox.endWarmVms(),
      ...(watches.length > 0 && { watch: watchWith(watches) }),
    }),
  );
  const pingRegistry = async (by: AbortSignal) => await registry.ping({ signal: by });
  return disposableWith({ worker, pools, pingRegistry }, stack);
}
