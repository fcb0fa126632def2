import type { Packed } from "../reference/descriptor.ts";
import { type Environment, isLayerId, type LayerId, quotedName } from "@ob/core";
import { pullBlob, refuseLonger, unpackBlob } from "../blobs/pull.ts";
import type { Repository } from "../blobs/repository.ts";
import { registryError } from "../errors.ts";
import { inParallel } from "../parallel.ts";
import type { Content } from "../reference/digest.ts";
import { isSameManifest, publish } from "./publish.ts";
import { type ChainDisk, decodeLayer, encodeLayer, isSameChain, type LayerInfo } from "./layer.ts";
import { mediaTypes } from "./media-types.ts";
import { findArtefact } from "./find.ts";
import { asMalformed, isMalformed } from "./malformed.ts";
import { maxLayers } from "./oci-manifest.ts";
import { describeFile, packer, type Packer } from "./pack.ts";

/** A disk to push. */
export interface DiskFile {
  /** The layer whose disk it is. */
  readonly id: LayerId;
  /** The qcow2 file. It must not change while it is pushed. */
  readonly file: string;
  /** The digest and the size of the file, if they are known: computing them reads all of it. */
  readonly content?: Content | undefined;
}

export interface PushLayerRequest {
  readonly id: LayerId;
  /** All disks that the layer's disk consists of: that of the base first, the layer's own last. */
  readonly chain: readonly DiskFile[];
  /** The file of the step's log. */
  readonly log?: string | undefined;
  readonly environment?: Environment | undefined;
  /** Replaces a layer of the same id: it has other disks, or has lost blobs. By default the first one stays. */
  readonly overwrite?: boolean | undefined;
  /** Another repository of the registry that may have the blobs, so that they need not be sent. */
  readonly mountFrom?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PushedLayer {
  /**
   * `pushed`, or `present` if the registry had the same layer. `different`: it has one of the same id with other disks, which
   * was left as it is, and nothing was pushed.
   */
  readonly outcome: "pushed" | "present" | "different";
  /** The layer as the registry has it now. */
  readonly layer: LayerInfo;
}

export interface PullLayerRequest {
  /** Where the disk of a layer goes to; undefined for one that is not wanted. */
  readonly disk: (disk: ChainDisk, index: number) => string | undefined;
  /** Where the log goes to. There is no file for a layer that was pushed without one. */
  readonly log?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The most bytes that are unpacked, whatever a manifest says. */
const [diskLimit, logLimit] = [2 ** 40, 2 ** 32];

/**
 * The layer of an id; undefined if the registry has none.
 *
 * @throws ObError `REGISTRY`, with `data.problem` `malformed` if its manifest is not that of the layer.
 */
export async function findLayer(
  repository: Repository,
  id: LayerId,
  signal: AbortSignal,
): Promise<LayerInfo | undefined> {
  const what = `The layer ${repository.label(id)}`;
  const found = await findArtefact(repository, id, { what, signal });
  return found && asMalformed(() => decodeLayer(found.artefact, { id, manifestDigest: found.digest, what }));
}

/** As `findLayer`, for who makes the layer anew: a manifest of which nobody can use anything is as none. */
async function findUsable(
  repository: Repository,
  id: LayerId,
  signal: AbortSignal,
): Promise<LayerInfo | undefined> {
  try {
    return await findLayer(repository, id, signal);
  } catch (error) {
    if (isMalformed(error)) return undefined;
    throw error;
  }
}

/** Pushes a layer, and of its blobs those that the registry lacks. */
export async function pushLayer(
  repository: Repository,
  request: PushLayerRequest,
  signal: AbortSignal,
): Promise<PushedLayer> {
  checkChain(request);
  const { id, environment, overwrite = false, mountFrom } = request;
  const chain = await inParallel(
    request.chain,
    async ({ content, file, ...disk }, any) => ({
      ...disk,
      file,
      content: content ?? (await describeFile(file, any)),
    }),
    signal,
  );
  const existing = await findUsable(repository, id, signal);
  if (existing && !overwrite) {
    return { outcome: isSameChain(existing.chain, chain) ? "present" : "different", layer: existing };
  }
  await using pack = await packer(repository, mountFrom);
  const known = await knownDisks(repository, chain, signal);
  const disks = await inParallel(
    [...chain.entries()],
    async ([index, disk], any) => {
      const packed = await pushDisk(pack, { disk, known: known[index], isBase: index === 0, signal: any });
      return { id: disk.id, ...packed };
    },
    signal,
  );
  const log =
    request.log === undefined ? undefined : await pack.compressed(request.log, mediaTypes.log, signal);
  const artefact = encodeLayer({ id, chain: disks, log, environment });
  // Whoever was first while this one was pushing stays the first.
  const now = await findUsable(repository, id, signal);
  if (now && !isSameManifest(now, existing) && !overwrite) {
    return { outcome: isSameChain(now.chain, chain) ? "present" : "different", layer: now };
  }
  const manifestDigest = await publish(repository, artefact, { reference: id, pack, signal });
  return { outcome: "pushed", layer: { id, manifestDigest, chain: disks, log, environment } };
}

/** @throws ObError `USAGE`-like `REGISTRY` for a chain that could not be read back. */
function checkChain({ id, chain }: PushLayerRequest): void {
  const wrong = (what: string): Error =>
    registryError(`The layer ${quotedName(id)} cannot be pushed: ${what}.`);
  if (!isLayerId(id)) throw wrong("this is not the id of a layer");
  if (chain.length === 0) throw wrong("it has no disks");
  if (chain.length > maxLayers) throw wrong(`its chain has more than ${maxLayers} disks`);
  if (chain.at(-1)?.id !== id) throw wrong("the last disk of its chain must be its own");
  if (new Set(chain.map((disk) => disk.id)).size < chain.length) throw wrong("a layer is twice in its chain");
}

/** How many layers below are looked for, from the top. */
const maxLookUps = 16;

type KnownDisk = DiskFile & { readonly content: Content };

/**
 * How the registry has the first disks of a chain, as the manifest of the layer below says: what is pushed already is not
 * compressed again to learn its digest.
 */
async function knownDisks(
  repository: Repository,
  chain: readonly KnownDisk[],
  signal: AbortSignal,
): Promise<readonly ChainDisk[]> {
  const shortest = Math.max(1, chain.length - maxLookUps);
  for (let length = chain.length - 1; length >= shortest; length--) {
    const id = chain[length - 1]?.id;
    const layer = id && (await findUsable(repository, id, signal));
    if (layer && isSameChain(layer.chain, chain.slice(0, length))) return layer.chain;
  }
  return [];
}

async function pushDisk(
  pack: Packer,
  {
    disk,
    known,
    isBase,
    signal,
  }: { disk: KnownDisk; known: ChainDisk | undefined; isBase: boolean; signal: AbortSignal },
): Promise<Packed> {
  if (known && (await pack.has(known.blob, signal))) return { blob: known.blob, content: known.content };
  // A base can be read by ranges, so it stays as it is.
  if (isBase)
    return await pack.plain(disk.file, { mediaType: mediaTypes.disk, content: disk.content, signal });
  const packed = await pack.compressed(disk.file, mediaTypes.compressedDisk, signal);
  if (packed.content.digest !== disk.content.digest) {
    throw registryError(`${disk.file} is not what it should be: its digest is ${packed.content.digest}.`, {
      hint: "A disk must not change while it is pushed.",
    });
  }
  return packed;
}

/**
 * Pulls disks of a layer, and its log, into files, each of which appears when it has been verified.
 *
 * @returns false if the registry no longer has one of them. Files that were pulled stay.
 */
export async function pullLayer(
  repository: Repository,
  layer: LayerInfo,
  { disk: target, log, signal }: PullLayerRequest & { readonly signal: AbortSignal },
): Promise<boolean> {
  const disks = layer.chain.flatMap((disk, index) => {
    const to = target(disk, index);
    return to === undefined ? [] : [{ packed: disk, to, limit: diskLimit }];
  });
  const logs = log === undefined || !layer.log ? [] : [{ packed: layer.log, to: log, limit: logLimit }];
  const found = await inParallel(
    [...disks, ...logs],
    async ({ packed, to, limit }, any) => await pullPacked(repository, packed, { to, limit, signal: any }),
    signal,
  );
  return found.every(Boolean);
}

/** Pulls what a blob holds into a file, of at most `limit` bytes. @returns false if the registry does not have it. */
export async function pullPacked(
  repository: Repository,
  packed: Packed,
  { to, limit, signal }: { readonly to: string; readonly limit: number; readonly signal: AbortSignal },
): Promise<boolean> {
  refuseLonger(packed, limit);
  return packed.blob.digest === packed.content.digest
    ? await pullBlob(repository, packed.blob, { to, signal })
    : await unpackBlob(repository, { blob: packed.blob, content: packed.content }, { to, signal });
}
