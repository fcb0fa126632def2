import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { abortReason, isObError, quotedName } from "@ob/core";
import { registryError } from "../errors.ts";
import { discard } from "../http/body.ts";
import type { HttpResponse } from "../http/transport.ts";
import type { Content } from "../reference/digest.ts";
import { isTransientError, isTransientStatus, pause } from "./backoff.ts";
import { readRefusal, refusedError, unreachableError } from "./failure.ts";
import type { Session, SessionRequest } from "./session.ts";

/** Bytes to upload, which can be read again from any place. */
export type BlobSource = { readonly file: string } | { readonly bytes: Uint8Array };

export interface UploadAccess {
  readonly session: Session;
  readonly repository: string;
  readonly signal: AbortSignal;
  /** The most bytes that one request has; a longer blob goes in several. */
  readonly chunkBytes: number;
  /** A repository of the same registry that may have the blob. */
  readonly mountFrom?: string | undefined;
  /** Called with the number of bytes that the registry has, when that changes. */
  readonly onOffset?: ((offset: number) => void) | undefined;
}

/** An upload at the registry. */
interface Upload {
  readonly location: URL;
  /** How many bytes the registry has. */
  readonly offset: number;
  readonly minChunk: number;
}

/**
 * Uploads a blob: by a mount if another repository has it, in one request if it is short, otherwise in chunks. After a lost
 * connection the registry is asked how much it has, and the rest is sent. The registry verifies the digest.
 *
 * @returns how it got there.
 */
export async function uploadBlob(
  access: UploadAccess,
  content: Content,
  source: BlobSource,
): Promise<"mounted" | "uploaded"> {
  const started = await start(access, content);
  if (started === "mounted") return "mounted";
  let upload = started;
  for (let failures = 0; ;) {
    const step = await advance(access, { upload, content, source });
    if (step === "done") return "uploaded";
    if (step.kind === "moved") {
      if (step.upload.offset > upload.offset) failures = 0;
      upload = step.upload;
      continue;
    }
    const { session, signal } = access;
    if (++failures >= session.backoff.attempts) throw step.error;
    session.emit({
      type: "log",
      level: "debug",
      text: `${session.origin.host}: the upload of ${content.digest} resumes`,
    });
    await pause(failures, { backoff: session.backoff, signal }).catch(() => {
      throw abortReason(signal);
    });
    upload = await resume(access, { upload, content });
    access.onOffset?.(upload.offset);
  }
}

async function start(access: UploadAccess, content: Content): Promise<Upload | "mounted"> {
  const { session, repository, mountFrom, signal } = access;
  const url = new URL(`/v2/${repository}/blobs/uploads/`, session.origin);
  if (mountFrom !== undefined) {
    url.searchParams.set("mount", content.digest);
    url.searchParams.set("from", mountFrom);
  }
  const response = await session.send({
    method: "POST",
    url,
    scope: scopeOf(access),
    headers: { "content-length": "0" },
    expect: mountFrom === undefined ? [202] : [201, 202],
    signal,
  });
  await discard(response.body);
  return response.status === 201 ? "mounted" : uploadOf(session, response, { base: url, offset: 0 });
}

/** Where the mount comes from must be readable, too. */
function scopeOf({ repository, mountFrom }: UploadAccess): readonly string[] {
  const own = `repository:${repository}:pull,push`;
  return mountFrom === undefined ? [own] : [own, `repository:${mountFrom}:pull`];
}

function uploadOf(
  session: Session,
  response: HttpResponse,
  { base, offset, minChunk = 0 }: { readonly base: URL; readonly offset: number; readonly minChunk?: number },
): Upload {
  const location = response.header("location");
  const url = location === undefined ? base : URL.parse(location, base.href);
  if (!url)
    throw registryError(
      `${session.origin.host} names ${quotedName(location ?? "")} as the place of an upload.`,
    );
  const told = response.header("oci-chunk-min-length");
  const min = told !== undefined && /^\d{1,9}$/.test(told) ? Number(told) : minChunk;
  return { location: session.checkTarget(url), offset, minChunk: min };
}

type Step =
  | "done"
  | { readonly kind: "moved"; readonly upload: Upload }
  | { readonly kind: "failed"; readonly error: unknown };

interface Progress {
  readonly upload: Upload;
  readonly content: Content;
  readonly source: BlobSource;
}

/** Sends the next chunk, or what is left with the digest. A failure that may pass is a result, not an error. */
async function advance(access: UploadAccess, { upload, content, source }: Progress): Promise<Step> {
  const { session } = access;
  const { location, offset, minChunk } = upload;
  const left = content.size - offset;
  const size = Math.min(left, Math.max(access.chunkBytes, minChunk));
  // The last request has the digest, and the whole blob if it fits.
  const isLast = size === left && (offset === 0 || left === 0);
  const url = new URL(location);
  if (isLast) url.searchParams.set("digest", content.digest);
  const request: SessionRequest = {
    method: isLast ? "PUT" : "PATCH",
    url,
    scope: scopeOf(access),
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(size),
      ...(!isLast && { "content-range": `${offset}-${offset + size - 1}` }),
    },
    body: size === 0 ? undefined : () => read(source, { offset, size }),
    bytes: size,
    expect: [201, 202, 204, 404, 416, 408, 429, 500, 502, 503, 504],
    repeat: false,
    signal: access.signal,
  };
  try {
    const response = await session.send(request);
    if (isTransientStatus(response.status) || response.status === 404 || response.status === 416) {
      return { kind: "failed", error: refusedError(session.name(request), await readRefusal(response)) };
    }
    await discard(response.body);
    access.onOffset?.(offset + size);
    if (isLast) return "done";
    return {
      kind: "moved",
      upload: uploadOf(session, response, { base: url, offset: offset + size, minChunk }),
    };
  } catch (error) {
    const cause = isObError(error) && error.code === "REGISTRY" ? error.cause : error;
    if (access.signal.aborted || !isTransientError(cause)) throw error;
    return {
      kind: "failed",
      error: isObError(error) ? error : unreachableError(session.name(request), error),
    };
  }
}

/** Asks how much the registry has. An upload that it no longer knows starts anew. */
async function resume(
  access: UploadAccess,
  { upload, content }: { readonly upload: Upload; readonly content: Content },
): Promise<Upload> {
  const { session, signal } = access;
  const response = await session.send({
    method: "GET",
    url: upload.location,
    scope: scopeOf(access),
    expect: [204, 202, 400, 404],
    signal,
  });
  await discard(response.body);
  const { status } = response;
  if (status === 400 || status === 404) return await restart(access, content);
  const range = /^(?:bytes[ =])?0-(\d{1,16})$/.exec(response.header("range") ?? "")?.[1];
  // `0-0` means nothing for some registries and one byte for others: one byte is sent again after a new start.
  if (range === undefined || range === "0") return await restart(access, content);
  const offset = Number(range) + 1;
  if (offset > content.size)
    throw registryError(`${session.origin.host} has more of an upload than was sent.`);
  return uploadOf(session, response, { base: upload.location, offset, minChunk: upload.minChunk });
}

async function restart(access: UploadAccess, content: Content): Promise<Upload> {
  const { mountFrom: _, ...plain } = access;
  const started = await start(plain, content);
  if (started === "mounted")
    throw registryError(`${access.session.origin.host} mounted a blob without being asked.`);
  return started;
}

function read(
  source: BlobSource,
  { offset, size }: { readonly offset: number; readonly size: number },
): Readable | Uint8Array {
  if ("bytes" in source) return source.bytes.subarray(offset, offset + size);
  return createReadStream(source.file, { start: offset, end: offset + size - 1, highWaterMark: 256 << 10 });
}
