import type { Descriptor } from "../reference/descriptor.ts";
import { type ImageManifest, isStoreKey, parseImageManifest, quotedName } from "@ob/core";
import { registryError } from "../errors.ts";
import type { Content, Digest } from "../reference/digest.ts";
import { annotation, expectType } from "./decoding.ts";
import { emptyDescriptor } from "./layer.ts";
import { annotations, artefactTypes, mediaTypes } from "./media-types.ts";
import type { Platform } from "./image-index.ts";
import type { Artefact } from "./oci-manifest.ts";

/** A file of a base image besides its disk: kernel, initrd, a key. */
export interface ImageFile {
  /** The path as the image manifest has it. */
  readonly name: string;
  readonly blob: Descriptor;
}

/** What the manifest of a base image says. */
export interface ImageInfo {
  readonly manifestDigest: Digest;
  /** The disk, which is not compressed: parts of it can be read. */
  readonly disk: Descriptor;
  /** The files that the image manifest names, except a store's own key. */
  readonly files: readonly ImageFile[];
  /** The blob with the image manifest; undefined for an image without one. */
  readonly imageManifest: Descriptor | undefined;
  /** What it is for, as the index says that it is from; undefined if it is from none. */
  readonly platform?: Platform | undefined;
}

/** The longest image manifest that is read, in bytes. */
export const maxImageManifest = 1 << 20;

/** The files that an image manifest names and that travel with it: a store's own key stays in its store. */
export function filesOf({ directBoot, sshKey }: ImageManifest): readonly string[] {
  const named = [directBoot?.kernel, directBoot?.initrd, sshKey];
  return [...new Set(named.flatMap((name) => (name === undefined || isStoreKey(name) ? [] : [name])))];
}

/** @throws ObError `BASE_IMAGE` if the image manifest is invalid, or not that of the disk. */
export function checkImageManifest(text: string, { digest }: Content, what: string): ImageManifest {
  const manifest = parseImageManifest(text, `of ${what}`);
  if (manifest.sha256 === undefined || digest === `sha256:${manifest.sha256}`) return manifest;
  throw registryError(
    `${what}: its image manifest is of another disk, with the digest sha256:${manifest.sha256}.`,
  );
}

/**
 * Reads the manifest of a base image.
 *
 * @param what the manifest, for the message.
 * @throws ObError `REGISTRY` if it is not as an image must be.
 */
export function decodeImage(
  artefact: Artefact,
  { manifestDigest, what }: { readonly manifestDigest: Digest; readonly what: string },
): ImageInfo {
  expectType(artefact, artefactTypes.image, what);
  const [disk, ...rest] = artefact.layers;
  if (disk?.mediaType !== mediaTypes.disk) throw registryError(`${what} does not start with a disk.`);
  const files = rest.map((blob) => decodeFile(blob, what));
  if (new Set(files.map(({ name }) => name)).size < files.length)
    throw registryError(`${what} has a file twice.`);
  return {
    manifestDigest,
    disk: plain(disk),
    files,
    imageManifest: decodeConfig(artefact.config, what),
  };
}

function decodeConfig(config: Descriptor, what: string): Descriptor | undefined {
  if (config.mediaType === mediaTypes.empty) return undefined;
  if (config.mediaType !== mediaTypes.imageManifest) {
    throw registryError(`${what} has a configuration of the type ${quotedName(config.mediaType)}.`);
  }
  if (config.size <= maxImageManifest) return plain(config);
  throw registryError(`${what} has an image manifest of more than ${maxImageManifest} bytes.`);
}

function decodeFile(blob: Descriptor, what: string): ImageFile {
  if (blob.mediaType !== mediaTypes.imageFile) {
    throw registryError(`${what} has a blob of the type ${quotedName(blob.mediaType)}.`);
  }
  return { name: annotation(blob, annotations.title, `${what}: a file`), blob: plain(blob) };
}

/** The manifest of a base image. */
export function encodeImage({ disk, files, imageManifest }: Omit<ImageInfo, "manifestDigest">): Artefact {
  const titled = files.map(({ name, blob }) => ({ ...blob, annotations: { [annotations.title]: name } }));
  return {
    artifactType: artefactTypes.image,
    config: imageManifest ?? emptyDescriptor,
    layers: [disk, ...titled],
    annotations: {},
  };
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
