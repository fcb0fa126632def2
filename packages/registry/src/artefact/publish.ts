import type { Repository } from "../blobs/repository.ts";
import { manifestTypes } from "../client/manifests.ts";
import type { Digest } from "../reference/digest.ts";
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

/** True if both are the same artefact, or both do not exist. */
export function isSameManifest(
  a: { readonly manifestDigest: Digest } | undefined,
  b: { readonly manifestDigest: Digest } | undefined,
): boolean {
  return a?.manifestDigest === b?.manifestDigest;
}
