import type { Repository } from "../blobs/repository.ts";
import { readBlob } from "../blobs/read-blob.ts";
import type { Manifest } from "../client/manifests.ts";
import { checkImageManifest, decodeImage, type ImageInfo } from "./image.ts";
import {
  type Choice,
  chooseEntry,
  type IndexEntry,
  isFor,
  isIndex,
  parseIndex,
  type Platform,
  platformOfManifest,
  unsuitableError,
} from "./image-index.ts";
import { parseArtefact } from "./oci-manifest.ts";
import { checkReference } from "./publish.ts";

export interface FindImageOptions extends Choice {
  readonly signal: AbortSignal;
}

/** What a tag stands for. */
export type Tagged =
  | { readonly kind: "image"; readonly image: ImageInfo; readonly size: number }
  | { readonly kind: "index"; readonly entries: readonly IndexEntry[] };

/** What a tag or digest stands for; undefined if there is nothing. */
export async function findTagged(
  repository: Repository,
  reference: string,
  signal: AbortSignal,
): Promise<Tagged | undefined> {
  checkReference(reference, repository);
  const what = labelOf(repository, reference);
  const manifest = await repository.getManifest(reference, signal);
  if (!manifest) return undefined;
  if (isIndex(manifest)) return { kind: "index", entries: parseIndex(manifest, what) };
  return { kind: "image", image: imageOf(manifest, what), size: manifest.bytes.byteLength };
}

/** The image of a tag or digest; undefined if there is none. Of an index the one that `options` choose. */
export async function findImage(
  repository: Repository,
  reference: string,
  { signal, ...choice }: FindImageOptions,
): Promise<ImageInfo | undefined> {
  const found = await findTagged(repository, reference, signal);
  if (!found) return undefined;
  const what = labelOf(repository, reference);
  if (found.kind === "index") {
    return await findEntry(repository, chooseEntry(found.entries, choice, what), signal);
  }
  const { architecture: wanted } = choice;
  const platform = wanted === undefined ? undefined : await platformOf(repository, found.image, signal);
  if (platform && !isFor(platform, wanted)) throw unsuitableError([{ platform }], { wanted, what });
  return found.image;
}

/** The image of an entry; undefined if the registry does not have it any more. */
export async function findEntry(
  repository: Repository,
  { digest, platform }: IndexEntry,
  signal: AbortSignal,
): Promise<ImageInfo | undefined> {
  const manifest = await repository.getManifest(digest, signal);
  return manifest && { ...imageOf(manifest, labelOf(repository, digest)), platform };
}

/** What an image is for, as its image manifest says; undefined if it has none, or it is gone. */
export async function platformOf(
  repository: Repository,
  { imageManifest, disk, manifestDigest }: ImageInfo,
  signal: AbortSignal,
): Promise<Platform | undefined> {
  const bytes = imageManifest && (await readBlob(repository, imageManifest, signal));
  if (!bytes) return undefined;
  const what = labelOf(repository, manifestDigest);
  return platformOfManifest(checkImageManifest(bytes.toString("utf8"), disk, what));
}

function imageOf(manifest: Manifest, what: string): ImageInfo {
  return decodeImage(parseArtefact(manifest, what), { manifestDigest: manifest.digest, what });
}

function labelOf(repository: Repository, reference: string): string {
  return `The image ${repository.label(reference)}`;
}
