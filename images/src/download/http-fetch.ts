import { errorMessage, errnoCode } from "@ob/core";

/** A server does not give what it should. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  /**
   * `broken`: a connection that failed or a server that is busy, and may do better the next time. `no-such-part`: the
   * server's file ends before the byte that was asked for. `refused`: everything else.
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
  /** How many bytes are already there. */
  readonly start: number;
  /** What `FetchedRest` gave for these. */
  readonly validator: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long the server may be silent, in seconds. */
  readonly silenceSeconds: number;
}

/** What a server sends of a file. The connection ends when this is disposed of. */
export interface FetchedRest extends AsyncDisposable {
  /** At which byte the chunks start: where it was asked for, or 0 if the server has another file or no ranges. */
  readonly start: number;
  /** The size of the whole file in bytes, if the server says. */
  readonly total: number | undefined;
  /** What names this version of the file to the server: a strong entity tag or a date; undefined if it gives none. */
  readonly validator: string | undefined;
  /** @throws HttpFailure; what the signal throws. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Asks for a file from one of its bytes on, and follows redirections.
 *
 * @throws HttpFailure for a server that cannot be reached or refuses.
 */
export async function fetchRest(url: string, options: FetchOptions): Promise<FetchedRest> {
  const { start, validator, signal, silenceSeconds } = options;
  const silence = new AbortController();
  const timer = setTimeout(
    () => silence.abort(new HttpFailure(`it said nothing for ${silenceSeconds} s`, { kind: "broken" })),
    silenceSeconds * 1_000,
  );
  const both = AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]);
  const resumes = start > 0 && validator !== undefined;
  try {
    const response = await fetch(url, {
      // A server that packs what it sends would count other bytes than ours.
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
    throw new HttpFailure("it sent another part of the file than was asked for");
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

/** A weak entity tag is no promise that all bytes are the same, and may not stand in If-Range. */
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
  // undici's "fetch failed" and "terminated" say nothing; their cause does.
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (error instanceof TypeError || errnoCode(cause) !== undefined) {
    return new HttpFailure(errorMessage(cause) || errnoCode(cause) || "the connection broke", {
      kind: "broken",
      cause: error,
    });
  }
  return error;
}
