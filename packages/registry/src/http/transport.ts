import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import type { Dispatcher, request } from "undici";
import { isLoopback } from "../reference/reference.ts";
import { distantLookup } from "./near.ts";

/** One request, as it goes out: redirects, retries and authorization are for others to add. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | Readable | undefined;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
  /** All values of a header that may occur more than once. */
  headers(name: string): readonly string[];
  /** The body as it comes: it must be read or destroyed. Nothing decompresses it. */
  readonly body: Readable;
}

/** Sends requests over connections that are kept until it is disposed of. */
export interface Transport extends AsyncDisposable {
  /** Rejects with undici's error if there is no response. */
  send(request: HttpRequest): Promise<HttpResponse>;
}

export interface TransportOptions {
  /** Certificates in PEM that are trusted instead of the system's. */
  readonly ca?: string | undefined;
  /** The registry's origin. Other hosts are named by the registry. */
  readonly origin: URL;
  /** Looks names up, as `dns.lookup` does, which is the default. */
  readonly resolve?: LookupFunction | undefined;
  /** How long nothing may come while a response is awaited or read, in milliseconds. */
  readonly idleMs: number;
}

/** The longest header section that is read, in bytes. */
const maxHeaderSize = 64 << 10;

/** Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), except for loopback. */
export function createTransport({ ca, origin, resolve, idleMs }: TransportOptions): Transport {
  let loading: Promise<Client> | undefined;
  const load = async (): Promise<Client> => {
    // Loaded with the first request: many commands have a registry in their options and send it nothing.
    const undici = await import("undici");
    const tls = ca === undefined ? {} : { ca };
    const common = { headersTimeout: idleMs, bodyTimeout: idleMs, maxHeaderSize, maxRedirections: 0 };
    const connect = { ...tls, timeout: Math.min(idleMs, 15_000), ...(resolve && { lookup: resolve }) };
    const distant = { ...connect, lookup: distantLookup(origin.hostname, resolve) };
    const proxied = (by: typeof connect) =>
      new undici.EnvHttpProxyAgent({ ...common, connect: by, requestTls: tls });
    return {
      request: undici.request,
      direct: new undici.Agent({ ...common, connect }),
      own: proxied(connect),
      others: proxied(distant),
    };
  };
  return {
    send: async ({ method, url, headers, body, signal }) => {
      loading ??= load();
      const client = await loading;
      const byName = url.hostname === origin.hostname ? client.own : client.others;
      const dispatcher = isLoopback(url.host) ? client.direct : byName;
      const response = await client.request(url, {
        dispatcher,
        method,
        headers: { "user-agent": "obuilder", "accept-encoding": "identity", ...headers },
        body: body ?? null,
        signal,
      });
      return toResponse(response);
    },
    [Symbol.asyncDispose]: async () => {
      if (loading === undefined) return;
      const { direct, own, others } = await loading;
      await Promise.all([direct, own, others].map(async (each) => await each.destroy()));
    },
  };
}

interface Client {
  readonly request: typeof request;
  readonly direct: Dispatcher;
  /** For the registry, and for hosts that it names. */
  readonly own: Dispatcher;
  readonly others: Dispatcher;
}

function toResponse({ statusCode, headers, body }: Dispatcher.ResponseData): HttpResponse {
  const all = (name: string): readonly string[] => [headers[name] ?? []].flat();
  // An error of the connection reaches whoever reads; without a reader it must not end the process.
  body.on("error", () => undefined);
  return { status: statusCode, header: (name) => all(name)[0], headers: all, body };
}
