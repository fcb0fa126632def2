import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { encodeLayer } from "./artefact/layer.ts";
import { encodeArtefact } from "./artefact/oci-manifest.ts";
import {
  type Content,
  digestOf,
  openRegistry,
  type OpenRegistryOptions,
  type Registry,
  type TransferProgress,
} from "./index.ts";
import { FakeRegistry, type Intercept, send } from "./testing/fake-registry.ts";
import { idOf, type Scratch, scratch } from "./testing/scratch.ts";

interface Setup extends AsyncDisposable {
  readonly fake: FakeRegistry;
  readonly files: Scratch;
  readonly registry: Registry;
}

async function setup(options: Partial<OpenRegistryOptions> = {}): Promise<Setup> {
  const stack = new AsyncDisposableStack();
  const fake = stack.use(await FakeRegistry.start());
  const files = stack.use(await scratch());
  const registry = stack.use(openRegistry({ ref: `${fake.host}/ob`, pauseMs: 1, ...options }));
  return { fake, files, registry, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Puts a blob into the registry. */
function put(fake: FakeRegistry, bytes: Buffer): Content {
  const content = { digest: digestOf(bytes), size: bytes.length };
  fake.blobs.set(`ob@${content.digest}`, bytes);
  return content;
}

/** Lets so many requests of a kind be answered by `misbehave`. */
function times(count: number, method: string, misbehave: Intercept): Intercept {
  let left = count;
  return (request, response, body) =>
    request.method === method && left-- > 0 ? misbehave(request, response, body) : false;
}

describe("a pull", () => {
  test("goes on where the connection was cut", async () => {
    let sent = 0;
    let cut = (): void => undefined;
    await using all = await setup({ onProgress: ({ bytes }) => bytes === sent && cut() });
    const { fake, files, registry } = all;
    const bytes = randomBytes(400_000);
    const content = put(fake, bytes);
    fake.options.intercept = times(3, "GET", ({ headers }, response) => {
      const from = Number(/\d+/.exec(headers.range ?? "0")?.[0]);
      const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
      sent = from + 100_000;
      cut = () => response.destroy();
      response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length - from, ...range });
      response.write(bytes.subarray(from, sent));
      return true;
    });
    expect(await registry.pullBlob(content, files.path("to"))).toBe(true);
    expect(bytes.equals(await readFile(files.path("to")))).toBe(true);
    const ranges = fake.requests.map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, "bytes=100000-399999", "bytes=200000-399999", "bytes=300000-399999"]);
  });

  test("takes the whole from a registry that knows no ranges", async () => {
    await using all = await setup();
    const { fake, files, registry } = all;
    const bytes = randomBytes(200_000);
    const content = put(fake, bytes);
    let cut = true;
    fake.options.intercept = (_, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      if (cut) response.write(bytes.subarray(0, 70_000), () => response.destroy());
      else response.end(bytes);
      cut = false;
      return true;
    };
    expect(await registry.pullBlob(content, files.path("to"))).toBe(true);
    expect(bytes.equals(await readFile(files.path("to")))).toBe(true);
  });

  test.each<{ what: string; message: RegExp; answer: (bytes: Buffer) => Intercept }>([
    {
      what: "other bytes",
      message: /sent other bytes than the blob/,
      answer: (bytes) => (_, response) => (
        send(response, 200, { body: Buffer.from(bytes).fill(0, 0, 1) }),
        true
      ),
    },
    {
      what: "more bytes than announced in the manifest",
      message: /blob sha256:\w+ with 1001 bytes, not 1000/,
      answer: (bytes) => (_, response) => (
        send(response, 200, {
          headers: { "content-length": "1001" },
          body: Buffer.concat([bytes, Buffer.alloc(1)]),
        }),
        true
      ),
    },
    {
      what: "more and more bytes",
      message: /sends more than the 1000 bytes/,
      answer: (bytes) => (_, response) => {
        response.writeHead(200, { "transfer-encoding": "chunked" });
        for (let i = 0; i < 10; i++) response.write(bytes);
        response.end();
        return true;
      },
    },
    {
      what: "another part than was asked for",
      message: /another part of the blob/,
      answer:
        (bytes) =>
        ({ headers }, response) => {
          if (headers.range)
            send(response, 206, { headers: { "content-range": "bytes 0-999/1000" }, body: bytes });
          else {
            response.writeHead(200, { "content-length": 1000 });
            response.write(bytes.subarray(0, 500), () => response.destroy());
          }
          return true;
        },
    },
    {
      what: "nothing, again and again",
      message: /did not answer GET \/v2\/ob\/blobs/,
      answer: () => (_, response) => (response.destroy(), true),
    },
  ])("is refused and leaves no file if the registry sends $what", async ({ message, answer }) => {
    await using all = await setup();
    const { fake, files, registry } = all;
    const bytes = randomBytes(1_000).fill(1, 0, 1);
    const content = put(fake, bytes);
    fake.options.intercept = answer(bytes);
    await expect(registry.pullBlob(content, files.path("to/../x"))).rejects.toThrow(message);
    await expect(registry.pullBlob(content, files.path("x"))).rejects.toMatchObject({ code: "REGISTRY" });
    expect(await readdir(files.path("."))).toEqual([]);
  });

  test("keeps what came before a failure, if asked to, but not what is wrong", async () => {
    let cut = (): void => undefined;
    await using all = await setup({ attempts: 1, onProgress: () => cut() });
    const { fake, files, registry } = all;
    const bytes = randomBytes(1_000);
    const content = put(fake, bytes);
    fake.options.intercept = (_, response) => {
      cut = () => response.destroy();
      response.writeHead(200, { "content-length": 1000 });
      response.write(bytes.subarray(0, 600));
      return true;
    };
    const keepPartial = { keepPartial: true };
    await expect(registry.pullBlob(content, files.path("to"), keepPartial)).rejects.toThrow("did not answer");
    expect(bytes.subarray(0, 600).equals(await readFile(files.path("to.partial")))).toBe(true);
    fake.options.intercept = undefined;
    await files.file("to.partial", Buffer.alloc(600));
    await expect(registry.pullBlob(content, files.path("to"), keepPartial)).rejects.toThrow("other bytes");
    expect(await readdir(files.path("."))).toEqual([]);
    expect(await registry.pullBlob(content, files.path("to"), keepPartial)).toBe(true);
  });

  test("unpacks no more than the manifest says, and only zstd", async () => {
    await using all = await setup();
    const { fake, files, registry } = all;
    const bomb = zstdCompressSync(Buffer.alloc(200 << 20));
    const layerOf = async (blob: Buffer, size: number) => {
      const content = { digest: digestOf("?"), size };
      const packed = { mediaType: "application/vnd.obuilder.disk.v1.qcow2+zstd", ...put(fake, blob) };
      const chain = [{ id: idOf("a"), blob: packed, content }];
      const bytes = encodeArtefact(
        encodeLayer({ id: idOf("a"), chain, log: undefined, environment: undefined }),
      );
      fake.manifests.set(`ob:${idOf("a")}`, {
        bytes,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
      });
      const layer = await registry.findLayer(idOf("a"));
      if (!layer) throw new Error("no layer");
      return layer;
    };
    const pull = async (blob: Buffer, size: number) =>
      await registry.pullLayer(await layerOf(blob, size), { disk: () => files.path("disk") });
    expect(bomb.length).toBeLessThan(50_000);
    await expect(pull(bomb, 1_000)).rejects.toThrow("more than 1000 bytes come out of it");
    await expect(pull(bomb, 2 ** 50)).rejects.toThrow("more than 1099511627776 are not unpacked");
    // A blob that claims to be what it holds is bounded, too.
    const claimed = await layerOf(Buffer.from("x"), 1);
    const [first] = claimed.chain;
    if (!first) throw new Error("no disk");
    const huge = { digest: first.blob.digest, size: 2 ** 50 };
    const chain = [{ ...first, blob: { ...first.blob, ...huge }, content: huge }];
    await expect(
      registry.pullLayer({ ...claimed, chain }, { disk: () => files.path("disk") }),
    ).rejects.toThrow("more than 1099511627776 are not unpacked");
    await expect(pull(randomBytes(1_000), 1_000)).rejects.toThrow("it is not zstd");
    await expect(pull(zstdCompressSync(Buffer.alloc(1_000)).subarray(0, -3), 1_000)).rejects.toThrow(
      "is not what its manifest says",
    );
    await expect(pull(zstdCompressSync(Buffer.alloc(1_000)), 1_000)).rejects.toThrow(
      "its contents have the digest",
    );
    expect(await readdir(files.path("."))).toEqual([]);
  });
});

describe("a push", () => {
  test("goes on where the connection was cut, as far as the registry has it", async () => {
    const moved: number[] = [];
    const onProgress = ({ total, bytes: some }: TransferProgress) => total === 350_000 && moved.push(some);
    await using all = await setup({ chunkBytes: 100_000, onProgress });
    const { fake, files, registry } = all;
    const bytes = randomBytes(350_000);
    fake.options.intercept = times(2, "PATCH", ({ url }, response, body) => {
      const id = /uploads\/([^?]*)/.exec(url)?.[1] ?? "";
      // Half of the chunk arrives.
      fake.uploads.set(
        id,
        Buffer.concat([fake.uploads.get(id) ?? Buffer.alloc(0), body.subarray(0, 50_000)]),
      );
      response.destroy();
      return true;
    });
    const file = await files.file("base", bytes);
    await registry.pushLayer({ id: idOf("a"), chain: [{ id: idOf("a"), file }] });
    expect(fake.blobs.get(`ob@${digestOf(bytes)}`)?.equals(bytes)).toBe(true);
    const ranges = fake.requests
      .filter(({ method }) => method === "PATCH")
      .map(({ headers }) => headers["content-range"]);
    expect(ranges).toEqual(["0-99999", "50000-149999", "100000-199999", "200000-299999", "300000-349999"]);
    expect(moved).toEqual([50_000, 100_000, 200_000, 300_000, 350_000, 350_000]);
  });

  test("starts anew if the registry has forgotten the upload", async () => {
    await using all = await setup({ chunkBytes: 100_000 });
    const { fake, files, registry } = all;
    const bytes = randomBytes(250_000);
    fake.options.intercept = times(1, "PATCH", (_, response) => {
      fake.uploads.clear();
      send(response, 503);
      return true;
    });
    const file = await files.file("base", bytes);
    await registry.pushLayer({ id: idOf("a"), chain: [{ id: idOf("a"), file }] });
    expect(fake.blobs.get(`ob@${digestOf(bytes)}`)?.equals(bytes)).toBe(true);
  });

  test("asks once for blobs that layers have in common, and again after one was collected", async () => {
    await using all = await setup();
    const { fake, files, registry } = all;
    const chain = await files.chain("base", "a", "b", "c");
    for (const [index, { id }] of chain.entries()) {
      await registry.pushLayer({ id, chain: chain.slice(0, index + 1) });
    }
    const heads = fake.log.filter((line) => line.startsWith("HEAD"));
    // Four disks and the empty configuration.
    expect(heads).toHaveLength(5);
    expect(new Set(heads).size).toBe(5);

    fake.blobs.clear();
    const [base] = chain;
    if (!base) throw new Error("no base");
    let refusals = 1;
    fake.options.intercept = ({ method, url }, response) => {
      if (method !== "PUT" || !url.includes("/manifests/") || refusals-- <= 0) return false;
      send(response, 400, { body: JSON.stringify({ errors: [{ code: "MANIFEST_BLOB_UNKNOWN" }] }) });
      return true;
    };
    const request = { id: base.id, chain: [base], environment: [], overwrite: true };
    fake.manifests.clear();
    await expect(registry.pushLayer(request)).rejects.toThrow("MANIFEST_BLOB_UNKNOWN");
    expect((await registry.pushLayer(request)).outcome).toBe("pushed");
    expect(fake.blobs.size).toBe(2);
  });

  test("sends chunks as long as the registry demands", async () => {
    await using all = await setup({ chunkBytes: 1_000 });
    const { fake, files, registry } = all;
    fake.options.minChunk = 100_000;
    const file = await files.file("base", randomBytes(250_000));
    await registry.pushLayer({ id: idOf("a"), chain: [{ id: idOf("a"), file }] });
    expect(fake.requests.filter(({ method }) => method === "PATCH")).toHaveLength(3);
  });

  test("fails, and has stored no manifest, if a disk changes meanwhile", async () => {
    await using all = await setup();
    const { fake, files, registry } = all;
    const [base, own] = await files.chain("base", "a");
    if (!base || !own) throw new Error("two disks");
    const chain = [base, { ...own, content: { digest: digestOf("other"), size: 3 } }];
    await expect(registry.pushLayer({ id: own.id, chain })).rejects.toThrow("is not what it should be");
    expect(fake.manifests.size).toBe(0);
  });

  test("ends at once, with the signal's reason, when it is cancelled", async () => {
    const controller = new AbortController();
    await using all = await setup();
    const { fake, files, registry } = all;
    fake.options.intercept = ({ method }) => {
      if (method !== "PUT") return false;
      controller.abort();
      return true;
    };
    const { signal } = controller;
    const push = registry.pushLayer({ id: idOf("a"), chain: await files.chain("a"), signal });
    await expect(push).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("a request", () => {
  test.each([408, 429, 500, 502, 503, 504])("is repeated after status %i", async (status) => {
    await using all = await setup();
    const { fake, registry } = all;
    fake.options.intercept = times(
      4,
      "GET",
      (_, response) => (send(response, status, { headers: { "retry-after": "0" } }), true),
    );
    await registry.ping();
    expect(fake.requests).toHaveLength(5);
    fake.options.intercept = (_, response) => (send(response, status), true);
    await expect(registry.ping()).rejects.toThrow(`refused GET /v2/: status ${status}.`);
    expect(fake.requests).toHaveLength(10);
  });

  test("is not repeated after other errors, and says what the registry said, on one line", async () => {
    await using all = await setup();
    const { fake, registry } = all;
    const body = JSON.stringify({ errors: [{ code: "DENIED", message: "no\n\u001b[31mred" }] });
    fake.options.intercept = (_, response) => (send(response, 403, { body }), true);
    const error = await registry.ping().catch((each: unknown) => each);
    expect(error).toMatchObject({
      message: String.raw`${fake.host} refused GET /v2/: status 403, "DENIED: no\n\u{1b}[31mred".`,
      data: { registry: fake.host, status: "403", problem: "unauthorized" },
    });
    expect(fake.requests).toHaveLength(1);
  });

  test("that nobody answers ends", async () => {
    await using all = await setup({ idleMs: 500, attempts: 2 });
    const { fake, registry } = all;
    fake.options.intercept = () => true;
    await expect(registry.ping()).rejects.toMatchObject({
      code: "REGISTRY",
      data: { problem: "unreachable" },
    });
  });

  test("to a port where nothing listens fails in words", async () => {
    await using registry = openRegistry({ ref: "127.0.0.1:9/ob", attempts: 2, pauseMs: 1 });
    await expect(registry.ping()).rejects.toThrow("127.0.0.1:9 did not answer GET /v2/");
  });

  test("that is redirected without end, or away from http's allowed places, fails", async () => {
    await using all = await setup();
    const { fake, registry } = all;
    const to = (location: string): void => {
      fake.options.intercept = (_, response) => (send(response, 307, { headers: { location } }), true);
    };
    const content = put(fake, Buffer.from("x"));
    to("/v2/again");
    await expect(registry.hasBlob(content)).rejects.toThrow("redirects without an end");
    to("ftp://127.0.0.1/x");
    await expect(registry.hasBlob(content)).rejects.toThrow("it is not reached by https");
    to("http://user:pw@127.0.0.1/x");
    await expect(registry.hasBlob(content)).rejects.toThrow("the address has a user in it");
  });
});

describe("a manifest", () => {
  const type = "application/vnd.oci.image.manifest.v1+json";
  const id = idOf("a");
  const disk = {
    mediaType: "application/vnd.obuilder.disk.v1.qcow2",
    digest: digestOf("x"),
    size: 1,
    annotations: { "org.obuilder.layer.id": id },
  };
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf("{}"), size: 2 };
  const good = {
    schemaVersion: 2,
    mediaType: type,
    artifactType: "application/vnd.obuilder.layer.v1",
    config,
    layers: [disk],
    annotations: { "org.obuilder.layer.id": id },
  };
  const compressed = { ...disk, mediaType: "application/vnd.obuilder.disk.v1.qcow2+zstd" };
  const annotated = (size: string, digest: string = digestOf("y")) => ({
    ...compressed,
    annotations: {
      ...disk.annotations,
      "org.obuilder.content.digest": digest,
      "org.obuilder.content.size": size,
    },
  });
  const log = { ...annotated("1"), mediaType: "application/vnd.obuilder.log.v1+zstd" };
  const many = Array.from({ length: 1_001 }, (_, index) => ({
    ...disk,
    annotations: { "org.obuilder.layer.id": index === 1_000 ? id : idOf(String(index)) },
  }));

  async function find(manifest: unknown, mediaType = type): Promise<unknown> {
    await using all = await setup();
    const { fake, registry } = all;
    const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
    fake.manifests.set(`ob:${id}`, { bytes: Buffer.from(text), mediaType });
    return await registry.findLayer(id);
  }

  test("of a layer is read, whatever else is in it", async () => {
    expect(await find({ ...good, subject: {}, x: 1 })).toMatchObject({ id, chain: [{ id }] });
    expect(await find({ ...good, layers: [disk, log] })).toMatchObject({ log: { content: { size: 1 } } });
  });

  test.each<[string, unknown, string?]>([
    ["is not JSON", "{"],
    ["is nested more than 32 levels deep", "[".repeat(1_000) + "]".repeat(1_000)],
    ["has more than 4194304 bytes", JSON.stringify({ ...good, x: "x".repeat(5 << 20) })],
    ['its media type is \\"text/html\\"', good, "text/html"],
    ["its media type is", good, "application/vnd.oci.image.index.v1+json"],
    ["schemaVersion", { ...good, schemaVersion: 1 }],
    ["has the type", { ...good, artifactType: "application/vnd.other" }],
    ["has no type", { ...good, artifactType: undefined }],
    ["has no disks", { ...good, layers: [] }],
    ["layers.0.size", { ...good, layers: [{ ...disk, size: -1 }] }],
    ["layers.0.size", { ...good, layers: [{ ...disk, size: 1.5 }] }],
    ["layers.0.size", { ...good, layers: [{ ...disk, size: 2 ** 60 }] }],
    ["layers.0.size", { ...good, layers: [{ ...disk, size: "1" }] }],
    ["is not a sha256 digest", { ...good, layers: [{ ...disk, digest: "md5:0" }] }],
    ["is not a sha256 digest", { ...good, layers: [{ ...disk, digest: "sha256:../../x" }] }],
    ["is not a media type", { ...good, layers: [{ ...disk, mediaType: "a\nb" }] }],
    [
      "is not that of a disk",
      { ...good, layers: [{ ...disk, mediaType: "application/vnd.oci.image.layer.v1.tar" }] },
    ],
    ["lacks the annotation org.obuilder.layer.id", { ...good, layers: [{ ...disk, annotations: {} }] }],
    [
      "is not a layer id",
      { ...good, layers: [{ ...disk, annotations: { "org.obuilder.layer.id": "../x" } }] },
    ],
    ["is of another layer", { ...good, annotations: { "org.obuilder.layer.id": idOf("b") } }],
    ["lacks the annotation", { ...good, annotations: undefined }],
    [
      "ends with the disk of another layer",
      { ...good, layers: [{ ...disk, annotations: { "org.obuilder.layer.id": idOf("b") } }] },
    ],
    ["has a layer twice", { ...good, layers: [disk, disk] }],
    ["more than 1000 disks", { ...good, layers: many }],
    ["Invalid length", { ...good, layers: [...many, ...many] }],
    ["lacks the annotation org.obuilder.content.digest", { ...good, layers: [compressed] }],
    ["is not a size in bytes", { ...good, layers: [annotated("1e9")] }],
    ["is not a size in bytes", { ...good, layers: [annotated("-1")] }],
    ["is not a size in bytes", { ...good, layers: [annotated("9999999999999999")] }],
    ["is not a sha256 digest", { ...good, layers: [annotated("1", "sha256:x")] }],
    ["has 2 logs", { ...good, layers: [disk, log, log] }],
    ["has a log among its disks", { ...good, layers: [log, disk] }],
    [
      "the environment is",
      { ...good, annotations: { ...good.annotations, "org.obuilder.layer.env": '{"a":1}' } },
    ],
  ])("is refused: %s", async (message, manifest, mediaType) => {
    const error = await find(manifest, mediaType).catch((each: unknown) => each);
    expect(error).toMatchObject({
      code: "REGISTRY",
      message: expect.stringContaining(message.replaceAll("\\", "")),
      data: { problem: "malformed" },
    });
  });

  test("of nothing that can be used is replaced by a push of the layer", async () => {
    await using all = await setup();
    const { fake, files, registry } = all;
    for (const name of ["below", "a"]) {
      fake.manifests.set(`ob:${idOf(name)}`, { bytes: Buffer.from("{"), mediaType: type });
    }
    const chain = [
      { id: idOf("below"), file: await files.file("base", randomBytes(1_000)) },
      { id, file: await files.file("disk", randomBytes(1_000)) },
    ];
    expect(await registry.pushLayer({ id, chain })).toMatchObject({ outcome: "pushed" });
    expect(await registry.findLayer(id)).toMatchObject({ id, chain: [{ id: idOf("below") }, { id }] });
  });
});
