import type { Descriptor } from "../reference/descriptor.ts";
import type { Repository } from "../blobs/repository.ts";
import { inParallel } from "../parallel.ts";
import type { Digest } from "../reference/digest.ts";
import { findArtefact } from "./find.ts";
import { emptyDescriptor } from "./layer.ts";
import type { Artefact } from "./oci-manifest.ts";
import { packer } from "./pack.ts";
import { checkReference, publish } from "./publish.ts";

/** A blob to push, as it is. */
export interface BlobFile {
  readonly file: string;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface PushArtefactRequest {
  /** A tag; what it stood for is replaced. The digest of the manifest if absent. */
  readonly tag?: string | undefined;
  /** What kind of artefact it is: a media type. */
  readonly artifactType: string;
  readonly config?: BlobFile | undefined;
  readonly layers: readonly BlobFile[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An artefact of any kind, as the registry has it. */
export interface ArtefactInfo extends Artefact {
  readonly manifestDigest: Digest;
}

/** Pushes an artefact of any kind, and of its blobs those that the registry lacks. */
export async function pushArtefact(
  repository: Repository,
  { tag, artifactType, config, layers, annotations = {} }: PushArtefactRequest,
  signal: AbortSignal,
): Promise<ArtefactInfo> {
  if (tag !== undefined) checkReference(tag, repository);
  await using pack = await packer(repository);
  const push = async (
    { file, mediaType, annotations: notes }: BlobFile,
    any: AbortSignal,
  ): Promise<Descriptor> => {
    const { blob } = await pack.plain(file, { mediaType, signal: any });
    return { ...blob, ...(notes && { annotations: notes }) };
  };
  const artefact: Artefact = {
    artifactType,
    config: config ? await push(config, signal) : emptyDescriptor,
    layers: await inParallel(layers, push, signal),
    annotations,
  };
  const reference = tag ?? pack.digestOf(artefact);
  return { ...artefact, manifestDigest: await publish(repository, artefact, { reference, pack, signal }) };
}

/** The artefact of a tag or digest, of any kind; undefined if there is none. */
export async function findAny(
  repository: Repository,
  reference: string,
  signal: AbortSignal,
): Promise<ArtefactInfo | undefined> {
  const what = `The artefact ${repository.label(reference)}`;
  const found = await findArtefact(repository, reference, { what, signal });
  return found && { ...found.artefact, manifestDigest: found.digest };
}
