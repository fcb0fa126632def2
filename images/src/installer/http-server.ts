import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";

export interface ServeOptions {
  /** Absolute path of the directory whose files are served. */
  readonly root: string;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Called for each answered request with the path without the query, and the status. */
  readonly onRequest?: ((path: string, status: number) => void) | undefined;
}

export interface FileServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * Serves files over HTTP to an installer. Queries are ignored: OpenBSD's installer requests `install.conf?path=…`.
 * Directory listings and files outside the root are not served.
 *
 * @throws the system's error, such as `EACCES` for a port below 1024 or `EADDRINUSE`.
 */
export async function serveFiles(options: ServeOptions): Promise<FileServer> {
  const server = createServer((request, response) => void answer(request, { response, options }));
  server.listen(options.port, options.host);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  { method, url }: IncomingMessage,
  { response, options: { root, onRequest } }: { response: ServerResponse; options: ServeOptions },
): Promise<void> {
  const path = pathOf(url ?? "");
  const finish = (status: number): void => {
    response.writeHead(status, { "content-length": 0 }).end();
    onRequest?.(path ?? url ?? "", status);
  };
  if (method !== "GET" && method !== "HEAD") return finish(405);
  if (path === undefined) return finish(400);
  const file = join(root, path);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return finish(404);
  response.writeHead(200, { "content-length": found.size, "content-type": "application/octet-stream" });
  onRequest?.(path, 200);
  if (method === "HEAD") {
    response.end();
    return;
  }
  // A client that closes the connection is not an error.
  await pipeline(createReadStream(file), response).catch(() => response.destroy());
}

/** The path of a request, always within the root; undefined for a malformed URL. */
function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(/^[^?#]*/.exec(url)?.[0] ?? "");
    return path.includes("\0") ? undefined : posix.normalize(`/${path}`);
  } catch {
    return undefined;
  }
}
