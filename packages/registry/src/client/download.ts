import type { Readable } from "node:stream";
import { abortReason, isObError } from "@ob/core";
import { registryError } from "../errors.ts";
import { discard } from "../http/body.ts";
import type { HttpResponse } from "../http/transport.ts";
import { type Content, Digester } from "../reference/digest.ts";
import { isTransientError, pause } from "./backoff.ts";
import { unreachableError } from "./failure.ts";
import type { Session, SessionRequest } from "./session.ts";

export interface BlobAccess {
  readonly session: Session;
  readonly repository: string;
  readonly signal: AbortSignal;
  /** Called with the number of bytes that have come, as they come. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** True if the registry has the blob. @throws ObError `REGISTRY` if it has another size than it should have. */
export async function hasBlob(
  { session, repository, signal }: BlobAccess,
  { digest, size }: Content,
): Promise<boolean> {
  const response = await session.send({
    method: "HEAD",
    url: `/v2/${repository}/blobs/${digest}`,
    scope: [`repository:${repository}:pull`],
    expect: [200, 404],
    signal,
  });
  await discard(response.body);
  if (response.status === 404) return false;
  const told = response.header("content-length");
  if (told !== undefined && told !== String(size)) {
    throw registryError(
      `${session.origin.host} has the blob ${digest} with ${told.slice(0, 20)} bytes, not ${size}.`,
      { data: { registry: session.origin.host, problem: "corrupt" } },
    );
  }
  return true;
}

/** A blob that is being read. */
export interface BlobReader {
  /**
   * The bytes, once. When the connection ends too early, the rest is asked for. They count only when the iteration has
   * ended without an error: then size and digest are those of `content`.
   */
  readonly bytes: AsyncIterable<Buffer>;
}

/**
 * Opens a blob; undefined if the registry does not have it.
 *
 * @param before the bytes that the caller has already: they are not asked for, and must be added to the digester.
 */
export async function openBlob(
  access: BlobAccess,
  content: Content,
  before: Digester = new Digester(),
): Promise<BlobReader | undefined> {
  if (before.size === content.size)
    return { bytes: rest(access, { content, digester: before, first: undefined }) };
  const first = await requestFrom(access, content, before.size);
  if (first === undefined) return undefined;
  return { bytes: rest(access, { content, digester: before, first }) };
}

/** The bytes of a blob from some place on: undefined if the registry does not have it. */
async function requestFrom(
  { session, repository, signal }: BlobAccess,
  content: Content,
  from: number,
): Promise<Readable | undefined> {
  const request: SessionRequest = {
    method: "GET",
    url: `/v2/${repository}/blobs/${content.digest}`,
    scope: [`repository:${repository}:pull`],
    // The registry of go-containerregistry knows no range without an end.
    headers: from > 0 ? { range: `bytes=${from}-${content.size - 1}` } : {},
    bytes: content.size - from,
    expect: from > 0 ? [200, 206, 404] : [200, 404],
    signal,
  };
  const response = await session.send(request);
  if (response.status === 404) {
    await discard(response.body);
    return undefined;
  }
  if (response.status === 200 && from > 0) return skip(response.body, from);
  checkRange(response, { content, from, registry: session.origin.host });
  return response.body;
}

function checkRange(
  response: HttpResponse,
  {
    content,
    from,
    registry,
  }: { readonly content: Content; readonly from: number; readonly registry: string },
): void {
  const isWhole = response.status === 200;
  const told = isWhole
    ? response.header("content-length")
    : /^bytes (\d+)-/.exec(response.header("content-range") ?? "")?.[1];
  const wanted = isWhole ? String(content.size) : String(from);
  if (told === wanted || (isWhole && told === undefined)) return;
  response.body.destroy();
  throw registryError(
    isWhole
      ? `${registry} has the blob ${content.digest} with ${told?.slice(0, 20)} bytes, not ${content.size}.`
      : `${registry} sends another part of the blob ${content.digest} than it was asked for.`,
  );
}

/** Of a server that sends everything when a part is asked for. */
function skip(body: Readable, bytes: number): Readable {
  let left = bytes;
  return body.flatMap((chunk: Buffer) => {
    const dropped = Math.min(left, chunk.length);
    left -= dropped;
    return dropped === chunk.length ? [] : [chunk.subarray(dropped)];
  });
}

/** How much a connection has to bring before it is cut, in bytes, for its end not to count as another failure. */
const leastProgress = 64 << 10;

interface Reading {
  readonly content: Content;
  readonly digester: Digester;
  readonly first: Readable | undefined;
}

async function* rest(access: BlobAccess, { content, digester, first }: Reading): AsyncGenerator<Buffer> {
  const { session, signal, onBytes } = access;
  let body = first;
  let failures = 0;
  while (body) {
    const start = digester.size;
    try {
      for await (const chunk of body) {
        if (!Buffer.isBuffer(chunk)) continue;
        digester.add(chunk);
        if (digester.size > content.size) throw tooLong(session, content);
        onBytes?.(chunk.length);
        yield chunk;
      }
      if (digester.size === content.size) break;
      // A server may end a response of unknown length wherever it likes.
      throw new CutError();
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      if (isObError(error) || !(error instanceof CutError || isTransientError(error))) throw error;
      // What has brought something counts as a new start; byte by byte a pull would take for ever.
      failures = digester.size - start >= leastProgress ? 1 : failures + 1;
      const name = session.name({ method: "GET", url: `/v2/${access.repository}/blobs/${content.digest}` });
      if (failures >= session.backoff.attempts) throw unreachableError(name, error);
      session.emit({
        type: "log",
        level: "debug",
        text: `${name.registry}: ${content.digest} goes on at ${digester.size}`,
      });
      await pause(failures, { backoff: session.backoff, signal }).catch(() => {
        throw abortReason(signal);
      });
      body = await requestFrom(access, content, digester.size);
      if (!body) throw registryError(`${session.origin.host} no longer has the blob ${content.digest}.`);
    }
  }
  const found = digester.finish();
  if (found !== content.digest) {
    throw registryError(
      `${session.origin.host} sent other bytes than the blob ${content.digest}: their digest is ${found}.`,
      {
        data: { registry: session.origin.host, problem: "corrupt" },
      },
    );
  }
}

/** The connection ended, without an error, before all bytes had come. */
class CutError extends Error {
  constructor() {
    super("the connection ended too early");
  }
}

function tooLong(session: Session, { digest, size }: Content): Error {
  return registryError(`${session.origin.host} sends more than the ${size} bytes of the blob ${digest}.`, {
    data: { registry: session.origin.host, problem: "corrupt" },
  });
}
