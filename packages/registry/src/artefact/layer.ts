import type { Descriptor, Packed } from "../reference/descriptor.ts";
import { type Environment, isLayerId, type LayerId, quotedName } from "@ob/core";
import * as v from "valibot";
import { registryError } from "../errors.ts";
import { parseJson } from "../http/json.ts";
import { type Digest, digestOf } from "../reference/digest.ts";
import { annotation, compressedBlob, contentAnnotations, expectType } from "./decoding.ts";
import { annotations, artefactTypes, emptyConfig, mediaTypes } from "./media-types.ts";
import { type Artefact, maxLayers } from "./oci-manifest.ts";

/** One disk of a layer's chain. */
export interface ChainDisk extends Packed {
  /** The layer whose disk it is. */
  readonly id: LayerId;
}

/** What the manifest of a layer says. */
export interface LayerInfo {
  readonly id: LayerId;
  /** The digest of the manifest: what else was pushed under the same id has another one. */
  readonly manifestDigest: Digest;
  /**
   * All disks, that of the base first and the layer's own last. An overlay belongs on exactly the one before it: two runs of
   * a step give different bytes.
   */
  readonly chain: readonly ChainDisk[];
  readonly log: Packed | undefined;
  /** The environment of the layer, if it was pushed with one. */
  readonly environment: Environment | undefined;
}

const environmentSchema = v.pipe(
  v.array(v.tuple([v.string(), v.string()])),
  v.maxLength(10_000, "has more than 10000 variables"),
);

/**
 * Reads the manifest of a layer.
 *
 * @param what the manifest, for the message.
 * @throws ObError `REGISTRY` if it is that of another layer, or not as a layer must be.
 */
export function decodeLayer(
  artefact: Artefact,
  { id, manifestDigest, what }: { id: LayerId; manifestDigest: Digest; what: string },
): LayerInfo {
  expectType(artefact, artefactTypes.layer, what);
  const named = annotation(artefact, annotations.layerId, what);
  if (named !== id) throw registryError(`${what} is of another layer: ${quotedName(named)}.`);
  const logs = artefact.layers.filter(({ mediaType }) => mediaType === mediaTypes.log);
  const disks = artefact.layers.filter(({ mediaType }) => mediaType !== mediaTypes.log);
  const [log, second] = logs;
  if (second) throw registryError(`${what} has ${logs.length} logs.`);
  if (log && artefact.layers.at(-1) !== log) throw registryError(`${what} has a log among its disks.`);
  const chain = disks.map((disk, index) => decodeDisk(disk, { what, isBase: index === 0 }));
  const own = chain.at(-1);
  if (!own) throw registryError(`${what} has no disks.`);
  if (chain.length > maxLayers) throw registryError(`${what} has a chain of more than ${maxLayers} disks.`);
  if (own.id !== id) throw registryError(`${what} ends with the disk of another layer: ${own.id}.`);
  if (new Set(chain.map((disk) => disk.id)).size < chain.length) {
    throw registryError(`${what} has a layer twice in its chain.`);
  }
  const env = artefact.annotations[annotations.environment];
  return {
    id,
    manifestDigest,
    chain,
    log: log && compressedBlob(log, `${what}: the log`),
    environment:
      env === undefined
        ? undefined
        : parseJson(env, { what: `${what}: the environment`, schema: environmentSchema }),
  };
}

function decodeDisk(
  blob: Descriptor,
  { what, isBase }: { readonly what: string; readonly isBase: boolean },
): ChainDisk {
  const id = annotation(blob, annotations.layerId, `${what}: a disk`);
  if (!isLayerId(id)) throw registryError(`${what}: ${quotedName(id)} is not a layer id.`);
  const { mediaType, digest, size } = blob;
  if (mediaType === mediaTypes.compressedDisk)
    return { id, ...compressedBlob(blob, `${what}: the disk of ${id}`) };
  if (mediaType === mediaTypes.disk)
    return { id, blob: { mediaType, digest, size }, content: { digest, size } };
  throw registryError(
    `${what}: ${isBase ? "the base" : `the disk of ${id}`} has the media type ${quotedName(mediaType)}, which is not that of a disk.`,
  );
}

/** The manifest of a layer. */
export function encodeLayer({
  id,
  chain,
  log,
  environment,
}: Pick<LayerInfo, "id" | "chain" | "log" | "environment">): Artefact {
  const disks = chain.map((disk) => ({
    ...disk.blob,
    annotations: {
      [annotations.layerId]: disk.id,
      ...(disk.blob.mediaType === mediaTypes.compressedDisk && contentAnnotations(disk.content)),
    },
  }));
  const logs = log ? [{ ...log.blob, annotations: contentAnnotations(log.content) }] : [];
  return {
    artifactType: artefactTypes.layer,
    config: emptyDescriptor,
    layers: [...disks, ...logs],
    annotations: {
      [annotations.layerId]: id,
      ...(environment && { [annotations.environment]: JSON.stringify(environment) }),
    },
  };
}

/** The descriptor of `{}`. */
export const emptyDescriptor: Descriptor = {
  mediaType: mediaTypes.empty,
  digest: digestOf(emptyConfig),
  size: emptyConfig.byteLength,
};

/** True if both chains have the same disks in the same order, by what is in them. */
export function isSameChain(
  a: readonly Pick<ChainDisk, "id" | "content">[],
  b: readonly Pick<ChainDisk, "id" | "content">[],
): boolean {
  return (
    a.length === b.length &&
    a.every((disk, index) => disk.id === b[index]?.id && disk.content.digest === b[index].content.digest)
  );
}
