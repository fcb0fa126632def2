import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { sha256 } from "@ob/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sweepDownloadLocks } from "./download-lock.ts";
import { download, type DownloadOptions, downloadList } from "./download.ts";

const contents = Buffer.alloc(300_000, "The quick brown fox jumps over the lazy dog. ");
const partName = `${sha256(contents).slice(0, 16)}-image.img.part`;
let directory: string;
const servers: Server[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "download-"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
  await rm(directory, { recursive: true });
});

async function serve(answer: RequestListener) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/image.img`, requests };
}

/**
 * A server with range support. It closes the connection after that many bytes of each response, once they have
 * arrived.
 */
const withRanges =
  ({ breakAfter = Infinity, etag = '"one"', bytes = contents } = {}): RequestListener =>
  ({ headers }, response) => {
    const asked = headers["if-range"] === etag ? /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] : undefined;
    const start = Number(asked ?? 0);
    if (start >= bytes.length) {
      response.writeHead(416).end();
      return;
    }
    response.writeHead(asked === undefined ? 200 : 206, {
      etag,
      "content-length": bytes.length - start,
      ...(asked !== undefined && {
        "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      }),
    });
    const rest = bytes.subarray(start);
    if (rest.length <= breakAfter) response.end(rest);
    else {
      response.write(rest.subarray(0, breakAfter));
      void arrived(start + breakAfter).then(() => response.destroy());
    }
  };

/** Resolves when the client has written that many bytes to its disk. */
async function arrived(size: number): Promise<void> {
  await vi.waitUntil(
    async () => ((await stat(join(directory, partName)).catch(() => null))?.size ?? 0) >= size,
  );
}

const file = (url: string) => ({
  name: "image.img",
  what: "a system's image",
  url,
  sha256: sha256(contents),
});
const options = (changes: Partial<DownloadOptions> = {}): DownloadOptions => ({
  ...{ downloads: directory, from: new Map(), signal: undefined, ...changes },
});

test("a file is downloaded once and stored", async () => {
  const { url, requests } = await serve(withRanges());
  const progress: (readonly [number, number | undefined])[] = [];
  const path = await download(
    file(url),
    options({ onProgress: (done, total) => void progress.push([done, total]) }),
  );
  expect(await readFile(path)).toEqual(contents);
  expect(progress[0]).toEqual([0, contents.length]);
  expect(progress.at(-1)).toEqual([contents.length, contents.length]);
  expect(await download(file(url), options())).toBe(path);
  expect(requests.map(({ headers }) => headers["accept-encoding"])).toEqual(["identity"]);
  expect(await readdir(directory)).toEqual([path.slice(directory.length + 1)]);
});

test("a damaged stored file is downloaded again", async () => {
  const { url, requests } = await serve(withRanges());
  const path = await download(file(url), options());
  await writeFile(path, "damaged");
  await download(file(url), options());
  expect(await readFile(path)).toEqual(contents);
  expect(requests).toHaveLength(2);
});

test("a broken connection is retried and resumed", async () => {
  const { url, requests } = await serve(withRanges({ breakAfter: 100_000 }));
  expect(await readFile(await download(file(url), options()))).toEqual(contents);
  const ranges = requests.map(({ headers }) => [headers.range, headers["if-range"]]);
  expect(ranges[0]).toEqual([undefined, undefined]);
  expect(ranges.length).toBeGreaterThan(2);
  for (const [range, condition] of ranges.slice(1)) {
    expect(range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(condition).toBe('"one"');
  }
});

test("a partial download of a previous build is resumed", async () => {
  const { url, requests } = await serve(withRanges());
  await writeFile(join(directory, partName), contents.subarray(0, 123_456));
  await writeFile(join(directory, `${partName}.json`), JSON.stringify({ url, validator: '"one"' }));
  expect(await readFile(await download(file(url), options()))).toEqual(contents);
  expect(requests.map(({ headers }) => headers.range)).toEqual(["bytes=123456-"]);
});

test("a complete partial download that was not renamed is used", async () => {
  const { url } = await serve(withRanges());
  await writeFile(join(directory, partName), contents);
  await writeFile(join(directory, `${partName}.json`), JSON.stringify({ url, validator: '"one"' }));
  expect(await readFile(await download(file(url), options()))).toEqual(contents);
});

describe("a partial download is discarded", () => {
  test.each([
    ["if the server's file has changed", '{"url":"URL","validator":"\\"old\\""}'],
    ["if its origin is unknown", undefined],
    ["if it is from another URL", '{"url":"http://elsewhere/","validator":"\\"one\\""}'],
  ])("%s", async (_, note) => {
    const { url } = await serve(withRanges());
    await writeFile(join(directory, partName), Buffer.alloc(1_000, "x"));
    if (note !== undefined) await writeFile(join(directory, `${partName}.json`), note.replace("URL", url));
    expect(await readFile(await download(file(url), options()))).toEqual(contents);
  });

  test("if the server's file is shorter", async () => {
    const { url } = await serve(withRanges());
    await writeFile(join(directory, partName), Buffer.alloc(contents.length + 5, "x"));
    await writeFile(join(directory, `${partName}.json`), JSON.stringify({ url, validator: '"one"' }));
    expect(await readFile(await download(file(url), options()))).toEqual(contents);
  });
});

test("a server without range support sends the whole file again after a broken connection", async () => {
  let answers = 0;
  const { url, requests } = await serve((_, response) => {
    response.writeHead(200, { "content-length": contents.length, etag: '"one"' });
    if (answers++ === 0) response.write(contents.subarray(0, 50_000), () => response.destroy());
    else response.end(contents);
  });
  expect(await readFile(await download(file(url), options()))).toEqual(contents);
  expect(requests).toHaveLength(2);
});

test("redirects are followed", async () => {
  const target = await serve(withRanges());
  const { url } = await serve((_, response) => response.writeHead(302, { location: target.url }).end());
  expect(await readFile(await download(file(url), options()))).toEqual(contents);
});

test("a wrong checksum is an error that names both, and the file is not stored", async () => {
  const other = Buffer.from("something else");
  const { url } = await serve(withRanges({ bytes: other }));
  await expect(download(file(url), options())).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: expect.stringMatching(new RegExp(`${sha256(other)}, and not ${sha256(contents)}`)),
    data: { option: "from" },
  });
  expect(await readdir(directory)).toEqual([]);
});

test("a failed download is an error that says how to supply the file", async () => {
  const { url, requests } = await serve((_, response) => response.writeHead(404).end());
  await expect(download(file(url), options())).rejects.toMatchObject({
    code: "BASE_IMAGE",
    message: `image.img (a system's image) cannot be downloaded from ${url}: it answers 404 Not Found.`,
    hint: `Get it by other means, and put it at ${join(directory, partName.slice(0, -5))}; its sha256 must be ${sha256(contents)}.`,
  });
  expect(requests).toHaveLength(1);
});

test("an unreachable or permanently busy server is an error", async () => {
  const { url, requests } = await serve((_, response) => response.writeHead(503).end());
  await expect(download(file(url), options({ retries: 1 }))).rejects.toThrow(/it answers 503/);
  expect(requests).toHaveLength(2);
  const nobody = file("http://127.0.0.1:1/image.img");
  await expect(download(nobody, options({ retries: 0 }))).rejects.toMatchObject({ code: "BASE_IMAGE" });
});

test("a server that stops sending times out, and the received bytes are kept", async () => {
  const { url } = await serve((_, response) => {
    response.writeHead(200, { "content-length": contents.length, etag: '"one"' });
    response.write(contents.subarray(0, 1_000));
  });
  const silent = options({ silenceSeconds: 0.2, retries: 0 });
  await expect(download(file(url), silent)).rejects.toThrow(/it sent nothing for 0.2 s/);
  expect(await readFile(join(directory, partName))).toEqual(contents.subarray(0, 1_000));
});

test("a full disk is reported as NO_SPACE", async () => {
  const { url } = await serve(withRanges());
  // Every write to this device fails with ENOSPC.
  await symlink("/dev/full", join(directory, partName));
  await expect(download(file(url), options())).rejects.toMatchObject({ code: "NO_SPACE" });
});

test("a cancelled download stops at once, and can be resumed", async () => {
  const { url } = await serve((_, response) => {
    response.writeHead(200, { "content-length": contents.length, etag: '"one"' });
    response.write(contents.subarray(0, 1_000));
  });
  const abort = new AbortController();
  const onProgress = (done: number) => done > 0 && abort.abort();
  await expect(download(file(url), options({ signal: abort.signal, onProgress }))).rejects.toMatchObject({
    code: "CANCELLED",
  });
  expect((await readdir(directory)).toSorted()).toEqual([partName, `${partName}.json`]);
});

test("concurrent downloads of the same file fetch it once", async () => {
  const { url, requests } = await serve(withRanges());
  const paths = await Promise.all([download(file(url), options()), download(file(url), options())]);
  expect(paths[0]).toBe(paths[1]);
  expect(requests).toHaveLength(1);
});

test("what a build has left that was killed as it took the lock, or as the file was complete, is cleared", async () => {
  const { url } = await serve(withRanges());
  const lock = join(directory, partName.replace(".part", ".writing"));
  await writeFile(lock, "");
  const kept = await download(file(url), options());
  expect(await readFile(kept)).toEqual(contents);
  await writeFile(`${kept}.part.json`, "{}");
  await download(file(url), options());
  expect(await readdir(directory)).toEqual([basename(kept)]);
  await writeFile(lock, "");
  await sweepDownloadLocks(directory);
  expect(await readdir(directory)).toEqual([basename(kept)]);
});

describe("a local file", () => {
  test("is used in place if its checksum is right", async () => {
    const given = join(directory, "mine");
    await writeFile(given, contents);
    const from = new Map([["image.img", given]]);
    expect(await download(file("http://127.0.0.1:1/"), options({ from }))).toBe(given);
  });

  test("is refused if its checksum is wrong, or it is missing", async () => {
    const given = join(directory, "mine");
    const from = new Map([["image.img", given]]);
    const asked = download(file("http://127.0.0.1:1/"), options({ from }));
    await expect(asked).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("ENOENT") });
    await writeFile(given, "no image");
    await expect(download(file("http://127.0.0.1:1/"), options({ from }))).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(`${given} is not a system's image: its sha256 is`),
    });
  });
});

describe("a signed list", () => {
  const list = (url: string) => ({ name: "SHA256SUMS", what: "the list of checksums", url });

  test("is read into memory, or from the local file", async () => {
    const { url } = await serve((_, response) => response.end("0123  image.img\n"));
    const read = { from: new Map<string, string>(), signal: undefined };
    expect(Buffer.from(await downloadList(list(url), read)).toString()).toBe("0123  image.img\n");
    const given = join(directory, "mine");
    await writeFile(given, "4567  image.img\n");
    const from = new Map([["SHA256SUMS", given]]);
    expect(Buffer.from(await downloadList(list(url), { ...read, from })).toString()).toBe(
      "4567  image.img\n",
    );
  });

  test("is refused if it exceeds the maximum size", async () => {
    const { url } = await serve((_, response) => response.end(Buffer.alloc(2 << 20)));
    await expect(downloadList(list(url), { from: new Map(), signal: undefined })).rejects.toMatchObject({
      code: "BASE_IMAGE",
      hint: "Get it by other means.",
    });
  });
});
