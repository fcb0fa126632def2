import { randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { parseSpec } from "@ob/spec";
import { isObError, type LayerId, ObError, type ObEvent, run } from "@ob/core";
import { openRegistry, type Registry } from "@ob/registry";
import { FakeRegistry } from "@ob/registry/testing";
import type { QcowStore } from "@ob/store-qcow";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { idsOf, type Machine, makeBase, startMachine } from "../sharing/machine.test.helper.ts";
import { registryLogs } from "./log-archive.ts";
import { receivedContexts, sentContext } from "./registry-contexts.ts";
import { RegistryLayers } from "./registry-layers.ts";
import { WorkerImages } from "./worker-images.ts";

/** With that of the base image. */
const chainLength = 14;
const stack = new AsyncDisposableStack();
let directory: string;
let here: Machine;
let fake: FakeRegistry;
let registry: Registry;
/** The layers of a build, as they were published: the base layer first. */
let ids: readonly LayerId[];
let published: readonly string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "adapters-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  await makeBase(join(directory, "base.qcow2"));
  await makeBase(join(directory, "other.qcow2"), 9);
  fake = stack.use(await FakeRegistry.start());
  registry = stack.use(openRegistry({ ref: `${fake.host}/ob`, pauseMs: 1 }));
  here = stack.use(await startMachine(join(directory, "base.qcow2")));
  const steps = Array.from({ length: chainLength - 1 }, (_, index) => `step-${index}`);
  ids = idsOf(await here.build(steps));
  await using worker = await startWorker(here);
  const digests: string[] = [];
  for (const id of ids) digests.push((await worker.layers.publish(id)).digest);
  published = digests;
});
afterAll(async () => await stack.disposeAsync());

/** What the registry has is the same for each test. */
let kept: { readonly blobs: FakeRegistry["blobs"]; readonly manifests: FakeRegistry["manifests"] };
beforeEach(() => {
  kept = { blobs: new Map(fake.blobs), manifests: new Map(fake.manifests) };
});
afterEach(() => {
  for (const name of ["blobs", "manifests"] as const) fake[name].clear();
  for (const [key, blob] of kept.blobs) fake.blobs.set(key, blob);
  for (const [key, manifest] of kept.manifests) fake.manifests.set(key, manifest);
});

interface Worker extends AsyncDisposable {
  readonly store: QcowStore;
  readonly layers: RegistryLayers;
  readonly warnings: string[];
}

async function startWorker(machine: Machine): Promise<Worker> {
  const store = await machine.open();
  const warnings: string[] = [];
  const emit = (event: ObEvent) =>
    void (event.type === "log" && event.level === "warning" && warnings.push(event.text));
  const images = new WorkerImages({ store, directory: machine.directory, registry, emit });
  await images.find("base");
  const layers = new RegistryLayers({ store, registry, images, emit });
  return { store, layers, warnings, [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose]() };
}

function at<T>(list: readonly T[], index: number): T {
  const found = list.at(index);
  if (found === undefined) throw new RangeError(`there is no element ${index}`);
  return found;
}

/** The blob of a layer's own disk, as the fake registry knows it. */
async function blobOf(id: LayerId): Promise<string> {
  const layer = await registry.findLayer(id);
  return `ob@${at(layer?.chain ?? [], -1).blob.digest}`;
}

describe("the layers of a worker", () => {
  it("are the same disks on an empty one, and only what is missing moves", async () => {
    await using there = await startMachine(join(directory, "base.qcow2"));
    await using source = await startWorker(here);
    await using worker = await startWorker(there);
    const last = at(ids, -1);
    expect(await worker.layers.fetch(last, at(published, -1))).toBe("fetched");
    for (const id of ids) {
      const [one, other] = [await source.store.find(id), await worker.store.find(id)];
      await run(["qemu-img", "compare", "-q", "-s", one?.disk ?? "", other?.disk ?? ""]);
    }
    expect(await worker.layers.localDigest(last)).toBe(at(published, -1));

    // What is there stays there: one disk and one log move.
    await worker.store.delete(last);
    const before = fake.log.length;
    expect(await worker.layers.fetch(last, at(published, -1))).toBe("fetched");
    const pulled = fake.log.slice(before).filter((line) => line.startsWith("GET /v2/ob/blobs/"));
    expect(pulled).toHaveLength(2);
  });

  it("are gone if the registry has another version, or has lost a part", async () => {
    await using there = await startMachine(join(directory, "base.qcow2"));
    await using worker = await startWorker(there);
    const second = at(ids, 1);
    expect(await worker.layers.fetch(second, at(published, 2))).toBe("gone");
    fake.blobs.delete(await blobOf(second));
    expect(await worker.layers.fetch(second, at(published, 1))).toBe("gone");
    expect(await worker.store.find(second)).toBeUndefined();
    expect(worker.warnings).toEqual([]);
  });

  it("are in conflict with another base image, and with another run that is in use; one that is not is replaced", async () => {
    await using foreign = await startMachine(join(directory, "other.qcow2"));
    await using stranger = await startWorker(foreign);
    expect(await stranger.layers.fetch(at(ids, 1), at(published, 1))).toBe("conflict");
    expect(stranger.warnings.join("\n")).toContain("base image");

    await using there = await startMachine(join(directory, "base.qcow2"));
    await there.build(["step-0"]);
    await using worker = await startWorker(there);
    expect(await worker.layers.localDigest(at(ids, 1))).toBeUndefined();
    const held = await worker.store.holdLayer(at(ids, 1));
    expect(await worker.layers.fetch(at(ids, 2), at(published, 2))).toBe("conflict");
    await held?.[Symbol.asyncDispose]();
    expect(await worker.layers.fetch(at(ids, 2), at(published, 2))).toBe("fetched");
    expect(await worker.layers.localDigest(at(ids, 1))).toBe(at(published, 1));
  });

  it.each<[string, (bytes: Buffer) => Buffer, string]>([
    ["a bit was flipped", (bytes) => (bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20), bytes), "is built anew"],
    // As if it was not there.
    ["the end is missing", (bytes) => bytes.subarray(0, -1), ""],
    ["more comes out than was announced", (bytes) => Buffer.concat([bytes, bytes]), "is built anew"],
  ])("of which %s are refused, and no part stays", async (_, change, warning) => {
    await using there = await startMachine(join(directory, "base.qcow2"));
    await using worker = await startWorker(there);
    const [second, key] = [at(ids, 1), await blobOf(at(ids, 1))];
    fake.blobs.set(key, change(Buffer.from(fake.blobs.get(key) ?? "")));
    expect(await worker.layers.fetch(second, at(published, 1))).toBe("gone");
    expect(await worker.store.find(second)).toBeUndefined();
    expect(worker.warnings.join("\n")).toContain(warning);
  });

  it.each<[string, (text: string) => string, string?]>([
    ["no JSON", () => "{"],
    ["more than a manifest may have", () => " ".repeat(5 << 20)],
    ["an index", (text) => text, "application/vnd.oci.image.index.v1+json"],
    ["another layer", (text) => text.replaceAll(at(ids, 2), at(ids, 3))],
  ])(
    "are missing where the tag stands for %s, with a warning, and are pushed anew",
    async (_, change, type) => {
      const third = at(ids, 2);
      const key = `ob:${third}`;
      const { bytes, mediaType } = fake.manifests.get(key) ?? { bytes: Buffer.alloc(0), mediaType: "" };
      fake.manifests.set(key, { bytes: Buffer.from(change(String(bytes))), mediaType: type ?? mediaType });
      await using there = await startMachine(join(directory, "base.qcow2"));
      await using worker = await startWorker(there);
      expect(await worker.layers.has(third)).toBeUndefined();
      expect(await worker.layers.fetch(third, at(published, 2))).toBe("gone");
      expect(worker.warnings).toHaveLength(2);
      expect(worker.warnings[0]).toContain("counts as missing");

      await using source = await startWorker(here);
      expect(await source.layers.localDigest(third)).toBeUndefined();
      const { digest, parent } = await source.layers.publish(third);
      expect(parent).toEqual({ id: at(ids, 1), digest: at(published, 1) });
      expect(await worker.layers.fetch(third, digest)).toBe("fetched");
    },
  );

  it.each(["/etc/hostname", 'json:{"driver":"nbd","host":"127.0.0.1"}'])(
    "with the backing file %s are refused, and a new run takes their place",
    async (backing) => {
      const second = at(ids, 1);
      await using there = await startMachine(join(directory, "base.qcow2"));
      await there.build(["step-0"]);
      {
        await using source = await startWorker(there);
        await using chain = await source.store.holdLayer(second);
        const file = join(directory, "hostile.qcow2");
        await copyFile(at(chain?.chain ?? [], 1).disk, file);
        await run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", backing, file]);
        const base = { id: at(ids, 0), file: at(chain?.chain ?? [], 0).disk };
        await registry.pushLayer({ id: second, chain: [base, { id: second, file }], overwrite: true });
      }
      await using clean = await startMachine(join(directory, "base.qcow2"));
      await using worker = await startWorker(clean);
      const hostile = (await worker.layers.has(second)) ?? "";
      expect(hostile).not.toBe(at(published, 1));
      expect(await worker.layers.fetch(second, hostile)).toBe("gone");
      expect(await worker.store.find(second)).toBeUndefined();

      await using source = await startWorker(there);
      const { digest } = await source.layers.publish(second);
      expect(await worker.layers.fetch(second, digest)).toBe("fetched");
    },
  );
});

describe("the archive of logs", () => {
  it("returns what was put, and nothing for what is not there or is something else", async () => {
    const logs = registryLogs(registry);
    const bytes = randomBytes(100_000);
    const name = await logs.put(bytes);
    expect(Buffer.from((await logs.get(name)) ?? []).equals(bytes)).toBe(true);
    await expect(logs.get(at(published, 1))).resolves.toBeUndefined();
    await expect(logs.get(`sha256:${"0".repeat(64)}`)).resolves.toBeUndefined();
    for (const key of fake.blobs.keys()) if (!kept.blobs.has(key)) fake.blobs.delete(key);
    await expect(logs.get(name)).resolves.toBeUndefined();
  });
});

describe("a build context", () => {
  it("reaches a worker once for all builds of a time, with what the copies take, and is removed after the last", async () => {
    const sourceDirectory = join(directory, "source");
    await mkdir(join(sourceDirectory, "taken"), { recursive: true });
    await writeFile(join(sourceDirectory, "taken/file"), "text");
    await writeFile(join(sourceDirectory, "other"), "not taken");
    const request = { spec: parseSpec(`((from base) (copy (src taken) (dst /srv/)))`), sourceDirectory };
    await using store = await here.open();
    const sent = await sentContext({ registry, request, store }).publish({ directory: sourceDirectory });

    const received = receivedContexts({ registry, emit: () => undefined });
    const [one, other] = await Promise.all([received.fetch(sent), received.fetch(sent)]);
    expect(other.directory).toBe(one.directory);
    await one[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();
    expect(await readFile(join(other.directory, "taken/file"), "utf8")).toBe("text");
    await expect(readFile(join(other.directory, "other"))).rejects.toThrow("ENOENT");
    await other[Symbol.asyncDispose]();
    await expect(readFile(join(other.directory, "taken/file"))).rejects.toThrow("ENOENT");
    const gone = received.fetch(`sha256:${"0".repeat(64)}`);
    await expect(gone).rejects.toMatchObject({ code: "BAD_SOURCE" });
  });

  it("fails its build if it cannot be used, and not the workers, one after the other", async () => {
    const noSpace = new ObError("NO_SPACE", "It would fill the disk.");
    const away = new ObError("REGISTRY", "It does not answer.", { data: { problem: "unreachable" } });
    const received = (pullContext: Registry["pullContext"]) =>
      receivedContexts({ registry: { ...registry, pullContext }, emit: () => undefined });
    const throwing = (error: Error) =>
      received(async () => {
        throw error;
      });
    const archive = (bytes: Buffer) =>
      received(async (_, to) => {
        await writeFile(to, bytes);
        return true;
      });
    const { manifestDigest } = await registry.pushContext({
      tar: Readable.from([Buffer.from("no archive")]),
      tag: "t",
    });
    const codes = async (contexts: ReturnType<typeof received>, name: string = manifestDigest) =>
      await contexts.fetch(name).catch((error: unknown) => (isObError(error) ? error.code : error));
    expect(await codes(throwing(noSpace))).toBe("BAD_SOURCE");
    expect(await codes(throwing(away))).toBe("REGISTRY");
    expect(await codes(archive(Buffer.from("no archive")))).toBe("BAD_SOURCE");
    expect(await codes(receivedContexts({ registry, emit: () => undefined }), "t")).toBe("BAD_SOURCE");
    expect(await codes(receivedContexts({ registry, emit: () => undefined }), ids[0])).toBe("BAD_SOURCE");
    // An artefact of another kind.
    const layer = await registry.findLayer(at(ids, 0));
    expect(await codes(receivedContexts({ registry, emit: () => undefined }), layer?.manifestDigest)).toBe(
      "BAD_SOURCE",
    );
  });
});
