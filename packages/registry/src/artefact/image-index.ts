import { archNames, type GuestArch, guestArchOf, type ImageManifest, quotedName } from "@ob/core";
import * as v from "valibot";
import { type Manifest, manifestTypes } from "../client/manifests.ts";
import { registryError } from "../errors.ts";
import { parseJson } from "../http/json.ts";
import { type Digest, isDigest } from "../reference/digest.ts";

/** What a base image is for, by OCI's names. */
export interface Platform {
  /** As `guestOs` has it. */
  readonly os: string;
  readonly architecture: string;
  /** Where the architecture alone is ambiguous. */
  readonly variant?: string | undefined;
}

/** What an image is for, as its image manifest says. */
export function platformOfManifest({
  guestOs,
  guestArch,
}: Pick<ImageManifest, "guestOs" | "guestArch">): Platform {
  return { os: guestOs, ...archNames[guestArch].oci };
}

/** An image of an index. */
export interface IndexEntry {
  readonly digest: Digest;
  /** Of its manifest, in bytes. */
  readonly size: number;
  readonly platform: Platform;
}

/** The most images of an index. */
const maxEntries = 100;

const word = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][\w.-]{0,63}$/, "is not the name of a system or architecture"),
);
const schema = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.literal(manifestTypes.index)),
  manifests: v.pipe(
    v.array(
      v.object({
        mediaType: v.literal(manifestTypes.image),
        digest: v.custom<Digest>(isDigest, "is not a sha256 digest"),
        size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
        platform: v.object({ os: word, architecture: word, variant: v.optional(word) }),
      }),
    ),
    v.minLength(1),
    v.maxLength(maxEntries),
  ),
});

/** True for an index; everything else is read as the manifest of one image. */
export function isIndex({ mediaType }: Manifest): boolean {
  return mediaType === manifestTypes.index;
}

/**
 * Reads an index of base images: one system, for several architectures.
 *
 * @param what the index, for the message.
 * @throws ObError `REGISTRY` that names what is wrong.
 */
export function parseIndex({ bytes }: Manifest, what: string): readonly IndexEntry[] {
  const { manifests } = parseJson(bytes, { what, schema });
  const names = manifests.map(({ platform }) => platformName(platform));
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw registryError(`${what} has two images for ${quotedName(twice)}.`);
  return manifests.map(({ digest, size, platform }) => ({ digest, size, platform }));
}

/** The bytes of an index: the same for the same images, in whatever order. */
export function encodeIndex(entries: readonly IndexEntry[]): Buffer {
  const sorted = entries.toSorted((a, b) => (platformName(a.platform) < platformName(b.platform) ? -1 : 1));
  const manifests = sorted.map(({ digest, size, platform: { os, architecture, variant } }) => ({
    mediaType: manifestTypes.image,
    digest,
    size,
    platform: { architecture, os, ...(variant !== undefined && { variant }) },
  }));
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestTypes.index, manifests }));
}

/** `linux/amd64`, `linux/arm/v7` */
export function platformName({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? "" : `/${variant}`}`;
}

export function isSamePlatform(a: Platform, b: Platform): boolean {
  return platformName(a) === platformName(b);
}

export interface Choice {
  /** The image must be for this architecture. */
  readonly architecture?: GuestArch | undefined;
  /** Which of several is taken if `architecture` is not given. */
  readonly hostArchitecture?: GuestArch | undefined;
}

/**
 * The image of an index that is wanted: an only one is.
 *
 * @param what the index, for the message.
 * @throws ObError `REGISTRY` with `data.architectures` if there is none, or more than one.
 */
export function chooseEntry(
  entries: readonly IndexEntry[],
  { architecture, hostArchitecture }: Choice,
  what: string,
): IndexEntry {
  const [only] = entries;
  if (architecture === undefined && only && entries.length === 1) return only;
  const wanted = architecture ?? hostArchitecture;
  const [found, ...others] = entries.filter(({ platform }) => isFor(platform, wanted));
  if (found && others.length === 0) return found;
  throw unsuitableError(entries, { wanted, what });
}

/** True if guests of this architecture run what is for the platform. */
export function isFor({ architecture, variant }: Platform, wanted: GuestArch | undefined): boolean {
  if (wanted === undefined) return false;
  const { oci } = archNames[wanted];
  const isAnyVariant = variant === undefined || oci.variant === undefined;
  return architecture === oci.architecture && (isAnyVariant || variant === oci.variant);
}

/** None of the images is what is wanted. */
export function unsuitableError(
  images: readonly { readonly platform: Platform }[],
  { wanted, what }: { readonly wanted: string | undefined; readonly what: string },
): Error {
  const platforms = images.map(({ platform }) => platformName(platform)).join(", ");
  const architectures = images
    .map(({ platform: { architecture } }) => guestArchOf(architecture) ?? architecture)
    .join(", ");
  const message =
    wanted === undefined
      ? `${what} is for several architectures: ${platforms}.`
      : `${what} is for ${platforms}; ${quotedName(wanted)} is wanted.`;
  return registryError(message, { data: { architectures } });
}
