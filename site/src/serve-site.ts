import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";

export interface SiteServer extends AsyncDisposable {
  /** With a slash at its end. */
  readonly url: string;
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
};

/** Serves a directory on a port of 127.0.0.1 as hosts of sites do: `/cli` is `cli.html`. */
export async function serveSite(directory: string): Promise<SiteServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    const wanted = path.join(directory, path.normalize(decodeURIComponent(pathname)));
    const files = [wanted, `${wanted}.html`, path.join(wanted, "index.html")];
    const file = files.find((each) => path.extname(each) !== "" && existsSync(each));
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    readFile(file).then(
      (content) => response.writeHead(200, { "content-type": types[path.extname(file)] }).end(content),
      () => response.writeHead(500).end(),
    );
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}
