import { quotedName } from "@ob/core";
import type { Repository } from "../blobs/repository.ts";
import { manifestTypes } from "../client/manifests.ts";
import { registryError } from "../errors.ts";
import { type Digest, isDigest } from "../reference/digest.ts";
import { isTag } from "../reference/reference.ts";
import { emptyConfig, mediaTypes } from "./media-types.ts";
import { type Artefact, encodeArtefact } from "./oci-manifest.ts";
import type { Packer } from "./pack.ts";

/** Stores the manifest of an artefact whose blobs are there; an empty configuration is pushed with it. */
export async function publish(
  repository: Repository,
  artefact: Artefact,
  {
    reference,
    pack,
    signal,
  }: { readonly reference: string; readonly pack: Packer; readonly signal: AbortSignal },
): Promise<Digest> {
  if (artefact.config.mediaType === mediaTypes.empty) await pack.bytes(emptyConfig, mediaTypes.empty, signal);
  const bytes = encodeArtefact(artefact);
  return await repository.putManifest(reference, { mediaType: manifestTypes.image, bytes, signal });
}

/** @throws ObError `REGISTRY` if it is neither a tag nor a digest. */
export function checkReference(reference: string, repository: Repository): void {
  if (isTag(reference) || isDigest(reference)) return;
  throw registryError(`${quotedName(reference)} is neither a tag nor a sha256 digest in ${repository.name}.`);
}

/** True if both are the same artefact, or both do not exist. */
export function isSameManifest(
  a: { readonly manifestDigest: Digest } | undefined,
  b: { readonly manifestDigest: Digest } | undefined,
): boolean {
  return a?.manifestDigest === b?.manifestDigest;
}
