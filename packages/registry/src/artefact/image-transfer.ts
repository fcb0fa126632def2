import { quotedName } from "@ob/core";
import { pullBlob } from "../blobs/pull.ts";
import type { Repository } from "../blobs/repository.ts";
import { registryError } from "../errors.ts";
import { inParallel } from "../parallel.ts";
import type { Content } from "../reference/digest.ts";
import { checkImageManifest, encodeImage, filesOf, type ImageInfo } from "./image.ts";
import { type Platform, platformName, platformOfManifest } from "./image-index.ts";
import { mediaTypes } from "./media-types.ts";
import { encodeArtefact } from "./oci-manifest.ts";
import { type Packer, packer } from "./pack.ts";
import { checkReference, publish } from "./publish.ts";
import { readBlob } from "../blobs/read-blob.ts";
import { planTag, putIndex } from "./tag-image.ts";

export interface PushImageRequest {
  /** The tag: the image's name, or what the caller likes. */
  readonly tag: string;
  /** The qcow2 file. */
  readonly disk: string;
  /** Digest and size of the disk, if they are known. */
  readonly content?: Content | undefined;
  /** The text of the image manifest, if the image has one. */
  readonly manifest?: string | undefined;
  /**
   * The files that the image manifest names, by their names there: kernel, initrd, and a private key if the image has one of
   * its own. Whoever can pull the image can then log in to its guests. A store's own key is never part of an image.
   */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /**
   * Replaces another image of that tag. By default the first one stays. An image of the same system for another architecture
   * is not replaced: the tag stands for both then.
   */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PushedImage {
  /** As for layers: see `PushedLayer`. */
  readonly outcome: "pushed" | "present" | "different";
  /** The image as the registry has it now. */
  readonly image: ImageInfo;
}

export interface PullImageRequest {
  /** Where the disk goes to. */
  readonly disk: string;
  /** Where a file of the image goes to; undefined for one that is not wanted. It is called with names that the image manifest has. */
  readonly file?: ((name: string) => string | undefined) | undefined;
  /** Leaves what came before a failure in `DISK.partial`, and goes on from there the next time. */
  readonly keepPartial?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A pulled image. */
export interface PulledImage {
  /** The text of the image manifest, verified and valid; undefined if the image has none. */
  readonly manifest: string | undefined;
}

/**
 * Pushes a base image, and of its blobs those that the registry lacks. A tag with images for several architectures stands for
 * an OCI image index. Of two pushes at the very same time to such a tag the last one stays: registries have no other rule.
 */
export async function pushImage(
  repository: Repository,
  request: PushImageRequest,
  signal: AbortSignal,
): Promise<PushedImage> {
  const { tag, disk, content, manifest, files = {}, overwrite = false } = request;
  checkReference(tag, repository);
  await using pack = await packer(repository);
  const described = await pack.describe(disk, content, signal);
  const read = manifest === undefined ? undefined : checkImageManifest(manifest, described, disk);
  checkFiles(read ? filesOf(read) : [], files, disk);
  const image = {
    disk: { mediaType: mediaTypes.disk, ...described },
    files: await inParallel(
      Object.entries(files),
      async ([name, file], any) => ({
        name,
        blob: { mediaType: mediaTypes.imageFile, ...(await pack.describe(file, undefined, any)) },
      }),
      signal,
    ),
    imageManifest: manifest === undefined ? undefined : pack.descriptor(manifest, mediaTypes.imageManifest),
  };
  const artefact = encodeImage(image);
  const manifestDigest = pack.digestOf(artefact);
  const platform = read && platformOfManifest(read);
  const size = encodeArtefact(artefact).byteLength;
  const wanted = { tag, entry: { digest: manifestDigest, size, platform }, overwrite };
  const before = await planTag(repository, wanted, signal);
  if (before.kind === "present" || before.kind === "different")
    return { outcome: before.kind, image: before.image };
  await pushBlobs({ pack, image, signal }, request);
  // Another push may have changed the tag in the meantime.
  const plan = await planTag(repository, wanted, signal);
  if (plan.kind === "present" || plan.kind === "different") return { outcome: plan.kind, image: plan.image };
  if (plan.kind === "image") {
    await publish(repository, artefact, { reference: tag, pack, signal });
    return { outcome: "pushed", image: { ...image, manifestDigest } };
  }
  await publish(repository, artefact, { reference: manifestDigest, pack, signal });
  await putIndex(repository, { tag, entries: plan.entries }, signal);
  return { outcome: "pushed", image: { ...image, manifestDigest, platform } };
}

interface BlobsToPush {
  readonly pack: Packer;
  readonly image: Omit<ImageInfo, "manifestDigest">;
  readonly signal: AbortSignal;
}

async function pushBlobs(
  { pack, image, signal }: BlobsToPush,
  { disk, files = {}, manifest }: PushImageRequest,
): Promise<void> {
  const blobs = [
    { file: disk, blob: image.disk },
    ...image.files.map(({ name, blob }) => ({ file: files[name] ?? "", blob })),
  ];
  await inParallel(
    blobs,
    async ({ file, blob }, any) =>
      await pack.plain(file, { mediaType: blob.mediaType, content: blob, signal: any }),
    signal,
  );
  if (manifest !== undefined) await pack.bytes(Buffer.from(manifest), mediaTypes.imageManifest, signal);
}

/** What the image manifest names, and nothing else, is pushed. */
function checkFiles(named: readonly string[], files: Readonly<Record<string, string>>, disk: string): void {
  const missing = named.find((name) => !Object.hasOwn(files, name));
  const besides = Object.keys(files).find((name) => !named.includes(name));
  if (missing !== undefined) {
    throw registryError(
      `The image manifest of ${disk} names ${quotedName(missing)}, which is not among the files to push.`,
    );
  }
  if (besides !== undefined) {
    throw registryError(`The image manifest of ${disk} does not name ${quotedName(besides)}.`);
  }
}

/**
 * Pulls an image into files, each of which appears when it has been verified.
 *
 * @returns undefined if the registry no longer has all of it.
 * @throws ObError `BASE_IMAGE` if its image manifest is invalid; `REGISTRY` if it names other files than those that came with it,
 *   or is for another platform than the index says.
 */
export async function pullImage(
  repository: Repository,
  image: ImageInfo,
  { disk, file, keepPartial, signal }: PullImageRequest & { readonly signal: AbortSignal },
): Promise<PulledImage | undefined> {
  const what = `The image ${repository.label(image.manifestDigest)}`;
  const bytes = image.imageManifest && (await readBlob(repository, image.imageManifest, signal));
  if (image.imageManifest && !bytes) return undefined;
  const manifest = bytes?.toString("utf8");
  const read = manifest === undefined ? undefined : checkImageManifest(manifest, image.disk, what);
  checkNames(image, read ? filesOf(read) : [], what);
  if (image.platform) {
    checkPlatform(image.platform, read && platformOfManifest(read), what);
  }
  const wanted = image.files.flatMap(({ name, blob }) => {
    const to = file?.(name);
    return to === undefined ? [] : [{ blob, to, keepPartial: false }];
  });
  const found = await inParallel(
    [{ blob: image.disk, to: disk, keepPartial: keepPartial ?? false }, ...wanted],
    async ({ blob, ...options }, any) => await pullBlob(repository, blob, { ...options, signal: any }),
    signal,
  );
  return found.every(Boolean) ? { manifest } : undefined;
}

/** The names of files are those of the image manifest, which is valid: none of them leads anywhere else. */
function checkNames({ files }: ImageInfo, named: readonly string[], what: string): void {
  const found = new Set(files.map(({ name }) => name));
  const missing = named.find((name) => !found.has(name));
  const besides = files.find(({ name }) => !named.includes(name));
  if (missing !== undefined)
    throw registryError(`${what} lacks the file ${quotedName(missing)}, which its image manifest names.`);
  if (besides)
    throw registryError(
      `${what} has the file ${quotedName(besides.name)}, which its image manifest does not name.`,
    );
}

/** What an index says of an image is what the image says. */
function checkPlatform(told: Platform, found: Platform | undefined, what: string): void {
  if (found && platformName(found) === platformName(told)) return;
  const own = found ? quotedName(platformName(found)) : "nothing that it names";
  throw registryError(`${what} is for ${own}, and its index has it for ${quotedName(platformName(told))}.`);
}
