import { quotedName } from "@ob/core";
import { registryError } from "../errors.ts";
import { discard } from "../http/body.ts";
import { type Digest, digestOf, isDigest } from "../reference/digest.ts";
import { readAnswer } from "./read.ts";
import type { Session, SessionRequest } from "./session.ts";

/** As the distribution specification bounds it, in bytes. */
export const maxManifestBytes = 4 << 20;

export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface ManifestAccess {
  readonly session: Session;
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference: string;
  readonly signal: AbortSignal;
}

export const manifestTypes = {
  image: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
} as const;

const accept = [
  manifestTypes.image,
  manifestTypes.index,
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/** The path of a manifest below the registry's origin. */
function pathOf({ repository, reference }: Pick<ManifestAccess, "repository" | "reference">): string {
  return `/v2/${repository}/manifests/${reference}`;
}

/**
 * The digest of what a tag stands for; undefined if there is nothing. A registry that does not tell it is asked for the
 * manifest.
 */
export async function headManifest(access: ManifestAccess): Promise<Digest | undefined> {
  const { session, repository, signal } = access;
  const response = await session.send({
    method: "HEAD",
    url: pathOf(access),
    scope: [`repository:${repository}:pull`],
    headers: { accept },
    expect: [200, 404],
    signal,
  });
  await discard(response.body);
  if (response.status === 404) return undefined;
  const told = response.header("docker-content-digest");
  return isDigest(told) ? told : (await getManifest(access))?.digest;
}

/**
 * A manifest; undefined if there is none. Its digest is computed from the bytes that came.
 *
 * @throws ObError `REGISTRY`, with `data.problem` `malformed` if it is too long, or not what the digest asked for.
 */
export async function getManifest(access: ManifestAccess): Promise<Manifest | undefined> {
  const { session, repository, reference, signal } = access;
  const what = `The manifest ${session.origin.host}/${repository} ${reference}`;
  const request: SessionRequest = {
    method: "GET",
    url: pathOf(access),
    scope: [`repository:${repository}:pull`],
    headers: { accept },
    bytes: maxManifestBytes,
    expect: [200, 404],
    signal,
  };
  const { response, bytes } = await readAnswer(session, request, { what, limit: maxManifestBytes });
  if (response.status === 404) return undefined;
  const digest = digestOf(bytes);
  if (isDigest(reference) && digest !== reference) {
    throw registryError(`${what} is another one: its bytes have the digest ${digest}.`, {
      data: { problem: "malformed" },
    });
  }
  const mediaType = (response.header("content-type") ?? "").split(";", 1)[0]?.trim() ?? "";
  return { digest, mediaType, bytes };
}

/** Stores a manifest under a tag or its digest, and resolves with its digest. */
export async function putManifest(
  access: ManifestAccess,
  { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Uint8Array },
): Promise<Digest> {
  const { session, repository, reference, signal } = access;
  const digest = digestOf(bytes);
  if (isDigest(reference) && reference !== digest) {
    throw registryError(`The manifest to store has the digest ${digest}, not ${reference}.`);
  }
  if (bytes.byteLength > maxManifestBytes) {
    throw registryError(`The manifest to store as ${reference} has more than ${maxManifestBytes} bytes.`);
  }
  const response = await session.send({
    method: "PUT",
    url: pathOf(access),
    scope: [`repository:${repository}:pull,push`],
    headers: { "content-type": mediaType },
    body: () => bytes,
    bytes: bytes.byteLength,
    expect: [200, 201, 202],
    signal,
  });
  await discard(response.body);
  const told = response.header("docker-content-digest");
  if (told !== undefined && told !== digest) {
    throw registryError(
      `${session.origin.host} stored another manifest: ${quotedName(told)}, not ${digest}.`,
    );
  }
  return digest;
}
