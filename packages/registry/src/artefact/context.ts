import type { Packed } from "../reference/descriptor.ts";
import type { Readable } from "node:stream";
import type { Repository } from "../blobs/repository.ts";
import { registryError } from "../errors.ts";
import type { Digest } from "../reference/digest.ts";
import { compressedBlob, expectType, contentAnnotations } from "./decoding.ts";
import { findArtefact } from "./find.ts";
import { emptyDescriptor } from "./layer.ts";
import { pullPacked } from "./layer-transfer.ts";
import { artefactTypes, mediaTypes } from "./media-types.ts";
import { packer } from "./pack.ts";
import { checkReference, publish } from "./publish.ts";

export interface PushContextRequest {
  /** The tar archive: a file, or a stream that is read once. The same archive gives the same artefact. */
  readonly tar: string | Readable;
  /** A tag; the digest of the manifest if absent, so that nothing can be overwritten. */
  readonly tag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the manifest of a build context says. */
export interface ContextInfo {
  readonly manifestDigest: Digest;
  /** The archive: `content` is the tar itself. */
  readonly tar: Packed;
}

/** The most bytes that are unpacked, whatever a manifest says. */
const contextLimit = 2 ** 40;

/** Pushes a build context. A context that the registry has is not sent again. */
export async function pushContext(
  repository: Repository,
  { tar, tag }: PushContextRequest,
  signal: AbortSignal,
): Promise<ContextInfo> {
  if (tag !== undefined) checkReference(tag, repository);
  await using pack = await packer(repository);
  const packed = await pack.compressed(tar, mediaTypes.context, signal);
  const artefact = {
    artifactType: artefactTypes.context,
    config: emptyDescriptor,
    layers: [{ ...packed.blob, annotations: contentAnnotations(packed.content) }],
    annotations: {},
  };
  const reference = tag ?? pack.digestOf(artefact);
  return { manifestDigest: await publish(repository, artefact, { reference, pack, signal }), tar: packed };
}

/** The build context of a tag or digest; undefined if there is none. */
export async function findContext(
  repository: Repository,
  reference: string,
  signal: AbortSignal,
): Promise<ContextInfo | undefined> {
  const what = `The build context ${repository.label(reference)}`;
  const found = await findArtefact(repository, reference, { what, signal });
  if (!found) return undefined;
  expectType(found.artefact, artefactTypes.context, what);
  const [blob, ...others] = found.artefact.layers;
  if (blob?.mediaType !== mediaTypes.context || others.length > 0) {
    throw registryError(`${what} does not consist of one archive.`);
  }
  return { manifestDigest: found.digest, tar: compressedBlob(blob, what) };
}

/** Pulls the archive into a file, which appears when it has been verified. False if the registry no longer has it. */
export async function pullContext(
  repository: Repository,
  { tar }: ContextInfo,
  { to, signal }: { readonly to: string; readonly signal: AbortSignal },
): Promise<boolean> {
  return await pullPacked(repository, tar, { to, limit: contextLimit, signal });
}
