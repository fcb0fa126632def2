import type { Repository } from "../blobs/repository.ts";
import { remove } from "../client/content.ts";
import { checkReference } from "./publish.ts";

/**
 * Removes the manifest that a tag stands for, and the tag. False if there is none. Most registries forget the tags of a digest
 * that is deleted, and some refuse to delete a tag; others, as that of go-containerregistry, keep the tag with the manifest.
 */
export async function removeTagged(
  repository: Repository,
  tag: string,
  signal: AbortSignal,
): Promise<boolean> {
  checkReference(tag, repository);
  const found = await repository.headManifest(tag, signal);
  if (found === undefined) return false;
  const access = { ...repository.access(signal), kind: "manifests" } as const;
  const isRemoved = await remove({ ...access, reference: found });
  // A push may have given the tag to another manifest: that one stays.
  const left = await repository.headManifest(tag, signal);
  return left === found ? await remove({ ...access, reference: tag }) : isRemoved;
}
