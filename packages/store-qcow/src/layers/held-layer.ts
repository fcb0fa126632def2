import { setTimeout as delay } from "node:timers/promises";
import {
  cancelledError,
  type ChainDisk,
  disposableWith,
  exists,
  type HeldLayer,
  type Layer,
  type LayerId,
  ObError,
  resultDirectory,
  throwIfCancelled,
  within,
} from "@ob/core";
import { isEmptyDisk, waitForLock, withLock } from "@ob/qcow2";
import { readChain } from "../chain/backing-chain.ts";
import { flatPrefix } from "../chain/flatten.ts";
import type { StoreContext } from "../context.ts";
import { knownDigests, readDigests } from "./digests.ts";
import { findLayer, layerInPath } from "./layers.ts";
import { ifDeleted, lockLayer, pinLayer } from "./pin-layer.ts";

/** A layer, and the file with its contents. */
interface Link {
  readonly layer: LayerId;
  readonly file: string;
}

/** How often a chain is read again that was flattened meanwhile. */
const attempts = 20;

/** See `Store.holdLayer`. */
export async function holdLayer(
  context: StoreContext,
  id: LayerId,
  signal?: AbortSignal,
): Promise<HeldLayer | undefined> {
  throwIfCancelled(signal);
  await using stack = new AsyncDisposableStack();
  stack.use(await pinLayer(context, id, signal));
  const links = await holdChain(context, { id, stack, signal });
  if (!links) return undefined;
  const chain: ChainDisk[] = [];
  for (const { layer, file } of links) {
    const { size, digest } = await readDigests(context, layer, { file, signal });
    chain.push({ layer, disk: file, size, digest });
  }
  const log = within(resultDirectory(context.layout, id), "log");
  return disposableWith({ id, chain, log: (await exists(log)) ? log : undefined }, stack);
}

/** See `Store.layerDigests`. */
export async function digestsOfLayer(
  context: StoreContext,
  id: LayerId,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  throwIfCancelled(signal);
  const layer = await findLayer(context, id);
  if (!layer) return [];
  const lock = await lockLayer(context, id, signal).catch(ifDeleted);
  return lock ? await withLock(lock, () => digestsOfLocked(context, layer, signal)) : [];
}

async function digestsOfLocked(
  context: StoreContext,
  { id, disk }: Layer,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const known = await knownDigests(context, id, disk);
  if (known.length > 0) return known;
  // While it is read, nothing must take its place.
  using flat = await waitForLock(flattenLock(context, id), "shared", signal);
  void flat;
  const { files } = await readChain(context, id);
  const own = (await linksOf(files.toReversed())).at(-1);
  if (!own) return [];
  return (await readDigests(context, id, { file: own.file, signal })).all;
}

/** The chain of a layer, none of whose files is replaced by a flattened one until the stack is disposed of. */
async function holdChain(
  context: StoreContext,
  { id, stack, signal }: { id: LayerId; stack: AsyncDisposableStack; signal: AbortSignal | undefined },
): Promise<readonly Link[] | undefined> {
  const held = new Set<LayerId>();
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { files } = await readChain(context, id);
    const links = await linksOf(files.toReversed());
    if (links.length === 0) return undefined;
    const free = links.filter(({ layer }) => !held.has(layer));
    // Now none of them changes any more.
    if (free.length === 0) return links;
    for (const { layer } of free) {
      stack.use(await waitForLock(flattenLock(context, layer), "shared", signal));
      held.add(layer);
    }
    await delay(0, undefined, signal && { signal }).catch(() => {
      throw cancelledError(signal);
    });
  }
  throw new ObError("STORE", `The backing chain of layer ${id} changes all the time.`);
}

function flattenLock({ layout }: StoreContext, id: LayerId): string {
  return within(layout.locks, `${flatPrefix}${id}`);
}

/**
 * The layers of a chain's files, the base layer's first; empty if one belongs to none. A base layer of the original is an
 * empty overlay on its copy of the image: that copy has its contents.
 */
async function linksOf(files: readonly string[]): Promise<readonly Link[]> {
  const [base = "", above] = files;
  const inCopy = base.endsWith("/rootfs/base.qcow2") && above !== undefined && (await isEmptyDisk(above));
  const links: Link[] = [];
  for (const file of inCopy ? files.slice(1) : files) {
    const layer = layerInPath(file);
    if (layer === undefined) return [];
    links.push({ layer, file: inCopy && file === above ? base : file });
  }
  return links;
}
