import type { Descriptor, Packed } from "../reference/descriptor.ts";
import { quotedName } from "@ob/core";
import { registryError } from "../errors.ts";
import { type Content, isDigest } from "../reference/digest.ts";
import { annotations } from "./media-types.ts";
import type { Artefact } from "./oci-manifest.ts";

/** Refuses an artefact of another kind. @param what it, for the message. */
export function expectType({ artifactType }: Artefact, type: string, what: string): void {
  if (artifactType === type) return;
  const found = artifactType === undefined ? "no type" : `the type ${quotedName(artifactType)}`;
  throw registryError(`${what} has ${found}, not ${type}.`);
}

/** An annotation that must be there. */
export function annotation(
  of: { readonly annotations?: Readonly<Record<string, string>> | undefined },
  name: string,
  what: string,
): string {
  const value = of.annotations && Object.hasOwn(of.annotations, name) ? of.annotations[name] : undefined;
  if (value === undefined) throw registryError(`${what} lacks the annotation ${name}.`);
  return value;
}

/** A compressed blob, with the digest and the size of its contents from its annotations. */
export function compressedBlob(blob: Descriptor, what: string): Packed {
  const digest = annotation(blob, annotations.digest, what);
  const size = annotation(blob, annotations.size, what);
  if (!isDigest(digest)) throw registryError(`${what}: ${quotedName(digest)} is not a sha256 digest.`);
  if (!/^(?:0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw registryError(`${what}: ${quotedName(size)} is not a size in bytes.`);
  }
  const { mediaType, digest: packed, size: packedSize } = blob;
  return { blob: { mediaType, digest: packed, size: packedSize }, content: { digest, size: Number(size) } };
}

/** The annotations that `compressedBlob` reads. */
export function contentAnnotations({ digest, size }: Content): Record<string, string> {
  return { [annotations.digest]: digest, [annotations.size]: String(size) };
}
