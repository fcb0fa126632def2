import { type Emit, isObError, type LayerId, type Store } from "@ob/core";
import { type DiskFile, digest, type LayerInfo, type PushedLayer, type Registry } from "@ob/registry";
import { findUsableLayer, hasWhole, isOfRegistry } from "./source.ts";

/** What is needed of a registry to push layers to it. */
export type TargetRegistry = Pick<Registry, "reference" | "findLayer" | "pushLayer" | "hasBlob">;

export interface StoredPushOptions {
  readonly store: Store;
  readonly registry: TargetRegistry;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Replaces the layer of another run. By default it stays. */
  readonly replace?: boolean | undefined;
  /** Shares base layers, too. By default they come by other ways. */
  readonly bases?: boolean | undefined;
}

/** A layer of a store, as a registry has it now. */
export interface StoredPush extends PushedLayer {
  /** The layer below, as the registry has it; undefined if it has none, or another run's. */
  readonly below: LayerInfo | undefined;
}

/**
 * Pushes a layer of a store, on the chain of the layer below as the registry has it.
 *
 * @returns undefined if it cannot be shared.
 * @throws ObError `NO_SUCH_LAYER`, `REGISTRY`, `STORE`.
 */
export async function pushStoredLayer(
  id: LayerId,
  options: StoredPushOptions,
): Promise<StoredPush | undefined> {
  const { store, registry, signal, replace = false, bases = false } = options;
  const existing = await findUsableLayer(registry, id, options);
  if (existing && (await isSame(store, existing)) && (await isComplete(registry, existing, signal))) {
    const below = await belowOf(existing, options);
    // The same bytes can be on another run of what is below.
    if (!replace || below || existing.chain.length < 2) return { outcome: "present", layer: existing, below };
  }
  await using held = await store.holdLayer(id, signal);
  if (!held || held.chain.length < (bases ? 1 : 2)) return undefined;
  const chain = held.chain.map((disk) => ({
    id: disk.layer,
    file: disk.disk,
    content: { digest: digest(`sha256:${disk.digest}`), size: disk.size },
  }));
  // Where another version is not complete any more, nobody can use it.
  const overwrite = existing !== undefined && (replace || !(await isComplete(registry, existing, signal)));
  const request = { id, log: held.log, overwrite, signal };
  const onPublished = await publishedChain(chain, options);
  if (onPublished) {
    try {
      const { disks, below } = onPublished;
      return { ...(await registry.pushLayer({ ...request, chain: disks })), below };
    } catch (error) {
      // The registry has lost a disk that it had: then all are pushed, as they are here.
      if (signal.aborted || !isObError(error, "STORE", "REGISTRY") || isOfRegistry(error)) throw error;
    }
  }
  return { ...(await registry.pushLayer({ ...request, chain })), below: undefined };
}

/** The layer below one that the registry has, if that is the run that it is based on. */
async function belowOf({ chain }: LayerInfo, options: StoredPushOptions): Promise<LayerInfo | undefined> {
  const below = chain.at(-2);
  const found = below && (await findUsableLayer(options.registry, below.id, options));
  const isThisRun = found?.chain.every((disk, index) => disk.content.digest === chain[index]?.content.digest);
  return isThisRun === true ? found : undefined;
}

/**
 * The layer's disk on the chain of the layer below as the registry has it, if its disks are those of this store, with other files
 * where they were flattened since. Only so do those who have taken that chain find this layer on it.
 */
async function publishedChain(
  chain: readonly DiskFile[],
  options: StoredPushOptions,
): Promise<{ readonly disks: readonly DiskFile[]; readonly below: LayerInfo } | undefined> {
  const { store, registry, signal, bases = false } = options;
  const [below, own] = chain.slice(-2);
  if (!below || !own) return undefined;
  const published = await findUsableLayer(registry, below.id, options);
  if (!published || published.chain.length < (bases ? 1 : 2)) return undefined;
  for (const disk of published.chain) {
    const here = await store.layerDigests(disk.id, signal);
    // A layer that was merged into one above need not be here; the disks above it are compared.
    if (here.length > 0 && !here.includes(disk.content.digest.slice("sha256:".length))) return undefined;
  }
  const top = published.chain.at(-1);
  if (!top || !(await hasDigest(store, below.id, top.content.digest))) return undefined;
  const files = new Map(chain.map((disk) => [String(disk.content?.digest), disk.file]));
  const disks = published.chain.map(({ id, content }) => ({
    ...{ id, content },
    file: files.get(content.digest) ?? "/dev/null/no-such-file",
  }));
  return { disks: [...disks, own], below: published };
}

async function isSame(store: Store, { id, chain }: LayerInfo): Promise<boolean> {
  return await hasDigest(store, id, chain.at(-1)?.content.digest ?? "");
}

async function hasDigest(store: Store, id: LayerId, wanted: string): Promise<boolean> {
  return (await store.layerDigests(id)).some((each) => `sha256:${each}` === wanted);
}

/** True if the registry has all that a layer consists of. */
async function isComplete(
  registry: TargetRegistry,
  { chain, log }: LayerInfo,
  signal: AbortSignal,
): Promise<boolean> {
  for (const { blob } of [...chain, ...(log ? [log] : [])]) {
    const { digest: of, size } = blob;
    if (!(await hasWhole(registry, { digest: digest(of), size }, signal))) return false;
  }
  return true;
}
