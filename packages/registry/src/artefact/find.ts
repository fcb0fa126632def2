import type { Repository } from "../blobs/repository.ts";
import type { Digest } from "../reference/digest.ts";
import { asMalformed } from "./malformed.ts";
import { type Artefact, parseArtefact } from "./oci-manifest.ts";
import { checkReference } from "./publish.ts";

/** The artefact of a tag or digest; undefined if there is none. @param options `what`: it, for messages. */
export async function findArtefact(
  repository: Repository,
  reference: string,
  { what, signal }: { readonly what: string; readonly signal: AbortSignal },
): Promise<{ readonly digest: Digest; readonly artefact: Artefact } | undefined> {
  checkReference(reference, repository);
  const manifest = await repository.getManifest(reference, signal);
  return manifest && { digest: manifest.digest, artefact: asMalformed(() => parseArtefact(manifest, what)) };
}
