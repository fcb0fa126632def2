import { type Emit, isObError, type LayerId, type Store, type StoreLayout } from "@ob/core";
import { openRegistry } from "@ob/registry";
import type { CacheOptions, CacheTarget } from "../args/cache-options.ts";
import { LayerPusher, notPushed } from "./layer-pusher.ts";
import type { TargetRegistry } from "./push-layer.ts";
import { RegistryStore } from "./registry-store.ts";
import { RemoteLayers } from "./remote-layers.ts";
import { LayerSource, type SourceRegistry } from "./source.ts";

export interface SharingOptions extends CacheOptions {
  /** Of the store. */
  readonly layout: StoreLayout;
  readonly emit: Emit;
  /** The command's. */
  readonly signal: AbortSignal;
}

/** The sharing of layers by one command. Disposing ends what is being pushed. */
export interface Sharing extends AsyncDisposable {
  /** The store with the registries' layers. It can be called once. */
  wrap(store: Store): Store;
  /** The last layers of the stages are looked up: their chains tell of all layers below. */
  prefetch(lastLayers: readonly LayerId[]): Promise<void>;
  /** True if the build failed since a layer that it had found could not be pulled: it has to be started again. */
  isUnusableLayer(error: unknown): boolean;
  /** How many layers are still to be pushed, with those of `mode=min`. */
  readonly waiting: number;
  /**
   * Waits until all is pushed.
   *
   * @throws ObError `REGISTRY` if something was not, and that is to be an error.
   */
  finish(): Promise<void>;
}

/** How often and how long a build waits for a registry. */
const patience = { attempts: 3, idleMs: 20_000 } as const;

/** @throws ObError `REGISTRY` if a reference is wrong. */
export function openSharing({ from, to, layout, emit, signal }: SharingOptions): Sharing {
  const stack = new AsyncDisposableStack();
  const open = ({ ref, insecure }: { readonly ref: string; readonly insecure: boolean | undefined }) =>
    stack.use(openRegistry({ ref, insecure, emit, ...patience }));
  const sources: SourceRegistry[] = from.map((each) => open(each));
  const target: (CacheTarget & { readonly registry: TargetRegistry }) | undefined = to && {
    ...to,
    registry: open(to),
  };
  const stopped = new AbortController();
  const pushing = AbortSignal.any([signal, stopped.signal]);
  let remote: RemoteLayers | undefined;
  let pusher: LayerPusher | undefined;
  let lastLayers: readonly LayerId[] = [];
  const stop = async () => {
    stopped.abort();
    await pusher?.finish();
  };
  return {
    wrap(store) {
      remote = stack.use(
        new RemoteLayers({ store, layout, source: new LayerSource(sources, { emit }), emit }),
      );
      if (target) pusher = new LayerPusher({ store, registry: target.registry, emit, signal: pushing });
      const added = pusher;
      const onLayer = target?.mode === "max" && added ? (id: LayerId) => added.add(id) : undefined;
      return new RegistryStore({ store, remote, onLayer, onClose: stop });
    },
    async prefetch(ids) {
      lastLayers = ids;
      await remote?.prefetch(ids, signal);
    },
    isUnusableLayer: (error) => isObError(error, "REGISTRY") && error.data?.["unusable"] !== undefined,
    get waiting() {
      return (pusher?.waiting ?? 0) + (target?.mode === "min" ? lastLayers.length : 0);
    },
    async finish() {
      if (!target || !pusher) return;
      if (target.mode === "min") for (const id of lastLayers) pusher.add(id);
      await pusher.finish();
      if (pusher.failures.length > 0 && !target.ignoreError)
        throw notPushed(pusher.failures, target.registry);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await stack.disposeAsync();
    },
  };
}
