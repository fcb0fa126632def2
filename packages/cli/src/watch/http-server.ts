import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { disposableWith, errorMessage, ObError } from "@ob/core";
import { type HttpAddress, isLoopbackAddress } from "../args/watch-options.ts";

/** An answer. */
export interface Page {
  /** 200 by default. */
  readonly status?: number;
  /** By default plain text. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Answers a GET; undefined if it has no such page. */
export type Route = (url: URL) => Promise<Page | undefined> | Page | undefined;

export interface HttpServer extends AsyncDisposable {
  /** `http://ADDRESS:PORT` */
  readonly url: string;
}

/** The most connections at a time, and how long a request may take to arrive, in milliseconds. */
const [maxConnections, requestTimeout] = [100, 10_000];

/**
 * Serves pages until it is disposed of. At an address of the loopback it answers only requests for the loopback, so that no
 * page of the Web can read it through a name of its own.
 *
 * @throws ObError `USAGE` if the address cannot be had.
 */
export async function serveHttp({ host, port }: HttpAddress, route: Route): Promise<HttpServer> {
  const isLocal = isLoopbackAddress(host);
  const server = createServer({ requestTimeout, headersTimeout: requestTimeout }, (request, response) => {
    void answer(request, { route, isLocal }).then((page) => send(page, { request, response }));
  });
  server.maxConnections = maxConnections;
  try {
    server.listen({ host, port });
    await once(server, "listening");
  } catch (error) {
    throw new ObError("USAGE", `Cannot serve HTTP at ${host}:${port}: ${errorMessage(error)}`, {
      cause: error,
      hint: "Give another address with --http.",
    });
  }
  const bound = server.address();
  const taken = typeof bound === "object" ? (bound?.port ?? port) : port;
  const name = host.includes(":") ? `[${host}]` : host;
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => await close(server));
  return disposableWith({ url: `http://${name}:${taken}` }, stack);
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

async function answer(
  { method, url = "/", headers }: IncomingMessage,
  { route, isLocal }: { readonly route: Route; readonly isLocal: boolean },
): Promise<Page> {
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, headers: { allow: "GET, HEAD" }, body: "Only GET is answered.\n" };
  }
  const base = URL.parse(`http://${headers.host ?? "localhost"}`);
  const asked = base && URL.parse(`http://localhost${url}`);
  if (!base || !asked || !url.startsWith("/")) return { status: 400, body: "This is no address.\n" };
  if (isLocal && !isLoopbackName(base.hostname)) return { status: 421, body: "This is the loopback only.\n" };
  try {
    return (await route(asked)) ?? { status: 404, body: "There is no such page.\n" };
  } catch {
    return { status: 500, body: "The page could not be made.\n" };
  }
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name === "[::1]" || isLoopbackAddress(name);
}

function send(
  { status = 200, type = "text/plain; charset=utf-8", headers, body }: Page,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): void {
  // A body that is not read must not hold the connection.
  request.resume();
  const length = Buffer.byteLength(body);
  const always = { "content-type": type, "content-length": length, "x-content-type-options": "nosniff" };
  response.writeHead(status, { "cache-control": "no-store", ...always, ...headers });
  response.end(request.method === "HEAD" ? undefined : body);
}
