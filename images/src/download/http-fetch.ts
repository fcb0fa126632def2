import { errorMessage, errnoCode } from "@ob/core";

/** A server that does not deliver the requested file. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  /**
   * `broken`: a failed connection or a busy server; a retry may succeed. `no-such-part`: the server's file ends
   * before the requested byte. `refused`: everything else.
   */
  readonly kind: "broken" | "no-such-part" | "refused";

  constructor(
    message: string,
    { kind = "refused", cause }: { kind?: HttpFailure["kind"]; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface FetchOptions {
  /** How many bytes are already downloaded; the first byte to request. */
  readonly start: number;
  /** The `FetchedRest.validator` of these bytes. */
  readonly validator: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the server may send nothing, in seconds. */
  readonly silenceSeconds: number;
}

/** A server's response. The connection is closed when this is disposed of. */
export interface FetchedRest extends AsyncDisposable {
  /**
   * Offset of the first chunk: as requested, or 0 if the server's file has changed or the server does not support
   * ranges.
   */
  readonly start: number;
  /** The size of the whole file in bytes, if the server reports it. */
  readonly total: number | undefined;
  /** The value for If-Range: a strong entity tag or a date; undefined if the server sends neither. */
  readonly validator: string | undefined;
  /** @throws HttpFailure; the abort reason of the signal. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Requests a file from a given offset, and follows redirects.
 *
 * @throws HttpFailure if the server cannot be reached or refuses.
 */
export async function fetchRest(url: string, options: FetchOptions): Promise<FetchedRest> {
  const { start, validator, signal, silenceSeconds } = options;
  const silence = new AbortController();
  const timer = setTimeout(
    () => silence.abort(new HttpFailure(`it sent nothing for ${silenceSeconds} s`, { kind: "broken" })),
    silenceSeconds * 1_000,
  );
  const both = AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]);
  const resumes = start > 0 && validator !== undefined;
  try {
    const response = await fetch(url, {
      // A compressed response would have other offsets than the file.
      headers: {
        "accept-encoding": "identity",
        ...(resumes && { range: `bytes=${start}-`, "if-range": validator }),
      },
      signal: both,
    });
    const range = rangeOf(response, resumes ? start : 0);
    const body = response.body;
    if (body === null) throw new HttpFailure("it sent nothing");
    return {
      ...range,
      validator: validatorOf(response.headers),
      chunks: read(body, { timer, silence: silence.signal, signal }),
      [Symbol.asyncDispose]: () => {
        clearTimeout(timer);
        silence.abort(new HttpFailure("nobody reads on"));
        return Promise.resolve();
      },
    };
  } catch (error) {
    clearTimeout(timer);
    throw failureOf(error, { silence: silence.signal, signal });
  }
}

function rangeOf(response: Response, asked: number): Pick<FetchedRest, "start" | "total"> {
  const { status, headers } = response;
  if (status === 200) return { start: 0, total: lengthOf(headers.get("content-length")) };
  if (status === 206 && asked > 0) {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
    if (Number(from) === asked) return { start: asked, total: lengthOf(total ?? null) };
    throw new HttpFailure("it sent a different part of the file than was requested");
  }
  if (status === 416) {
    throw new HttpFailure("its file has changed since the download began", { kind: "no-such-part" });
  }
  const busy = status === 408 || status === 429 || status >= 500;
  throw new HttpFailure(`it answers ${status} ${response.statusText}`.trimEnd(), {
    kind: busy ? "broken" : "refused",
  });
}

function lengthOf(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A weak entity tag does not guarantee identical bytes, and is not allowed in If-Range. */
function validatorOf(headers: Headers): string | undefined {
  const tag = headers.get("etag");
  if (tag !== null && !tag.startsWith("W/")) return tag;
  return headers.get("last-modified") ?? undefined;
}

interface Signals {
  readonly silence: AbortSignal;
  readonly signal: AbortSignal | undefined;
}

async function* read(
  body: ReadableStream<Uint8Array>,
  { timer, ...signals }: Signals & { readonly timer: NodeJS.Timeout },
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      timer.refresh();
      yield chunk;
    }
  } catch (error) {
    throw failureOf(error, signals);
  } finally {
    clearTimeout(timer);
  }
}

function failureOf(error: unknown, { silence, signal }: Signals): unknown {
  if (error instanceof HttpFailure) return error;
  if (silence.aborted) return silence.reason;
  if (signal?.aborted === true) return signal.reason;
  // undici's "fetch failed" and "terminated" have no information; their cause has.
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (error instanceof TypeError || errnoCode(cause) !== undefined) {
    return new HttpFailure(errorMessage(cause) || errnoCode(cause) || "the connection broke", {
      kind: "broken",
      cause: error,
    });
  }
  return error;
}
