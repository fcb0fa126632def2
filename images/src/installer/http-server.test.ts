import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveFiles } from "./http-server.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "serve-"));
  await mkdir(join(directory, "root/pub"), { recursive: true });
  await writeFile(join(directory, "root/install.conf"), "System hostname = openbsd\n");
  await writeFile(join(directory, "root/pub/base79.tgz"), Buffer.alloc(200_000, 7));
  await writeFile(join(directory, "secret"), "outside");
});
afterEach(() => rm(directory, { recursive: true }));

const serve = (onRequest?: (path: string, status: number) => void) =>
  serveFiles({ root: join(directory, "root"), host: "127.0.0.1", port: 0, onRequest });

test("files are served, whatever the query", async () => {
  const seen: string[] = [];
  await using server = await serve((path, status) => void seen.push(`${status} ${path}`));
  const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;
  expect(await (await fetch(at("/install.conf?path=7.9/amd64"))).text()).toBe("System hostname = openbsd\n");
  const set = await fetch(at("/pub/base79.tgz"));
  expect(set.headers.get("content-length")).toBe("200000");
  expect(new Uint8Array(await set.arrayBuffer())).toHaveLength(200_000);
  expect((await fetch(at("/52:54:00:12:34:56-install.conf?path=7.9/amd64"))).status).toBe(404);
  expect((await fetch(at("/pub/"))).status).toBe(404);
  expect((await fetch(at("/install.conf"), { method: "POST" })).status).toBe(405);
  expect(seen).toEqual([
    "200 /install.conf",
    "200 /pub/base79.tgz",
    "404 /52:54:00:12:34:56-install.conf",
    "404 /pub/",
    "405 /install.conf",
  ]);
});

test("files outside the root are not served", async () => {
  await using server = await serve();
  const status = async (path: string): Promise<number | undefined> => {
    const asked = request({ host: "127.0.0.1", port: server.port, path });
    asked.end();
    const [response] = (await once(asked, "response")) as [{ statusCode?: number; resume: () => void }];
    response.resume();
    return response.statusCode;
  };
  expect(await status("/../secret")).toBe(404);
  expect(await status("/%2e%2e/secret")).toBe(404);
  expect(await status("/pub/../../secret")).toBe(404);
  expect(await status("/%zz")).toBe(400);
  expect(await status("/install.conf%00")).toBe(400);
});

test("a port in use is an error", async () => {
  await using server = await serve();
  await expect(serveFiles({ root: directory, host: "127.0.0.1", port: server.port })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});
