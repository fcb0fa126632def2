import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layerId, type ObEvent, run, sha256, sha256File } from "@ob/core";
import { parseReference } from "@ob/registry";
import { FakeRegistry } from "@ob/registry/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createInterrupts } from "../testing/run.ts";
import { LayerSource, type SourceRegistry } from "./source.ts";
import { idsOf, type Machine, makeBase, startMachine } from "./machine.test.helper.ts";

let directory: string;
let image: string;
let registry: FakeRegistry;
let [here, there]: Machine[] = [];
let from: string;
let to: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sharing-"));
  image = join(directory, "base.qcow2");
  await makeBase(image);
  registry = await FakeRegistry.start();
  [here, there] = [await startMachine(image), await startMachine(image)];
  from = `--cache-from=type=registry,ref=${registry.host}/ob`;
  to = `--cache-to=type=registry,ref=${registry.host}/ob,mode=max`;
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await here?.[Symbol.asyncDispose]();
  await there?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

function machines(): readonly [Machine, Machine] {
  if (!here || !there) throw new Error("no machines");
  return [here, there];
}

/** The blobs that were sent or read since. */
function moved(method: "GET" | "PUT", since = 0): number {
  const requests = registry.log.slice(since).filter((line) => line.startsWith(`${method} /v2/ob/blobs/`));
  return requests.length;
}

async function expectSameLayers(a: Machine, b: Machine, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const [x, y] = [a, b].map((machine) => join(machine.directory, "result", id, "rootfs/image.qcow2"));
    await run(["qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", x ?? "", y ?? ""]);
  }
}

describe("a build with --cache-from", () => {
  it("takes what another has pushed, and pulls no disk until one is needed", async () => {
    const [a, b] = machines();
    const pushed = await a.build(["one", "two"], [to]);
    expect(pushed).toMatchObject({ code: 0, stderr: expect.stringMatching(/^(Pushing \d layers?…\n)?$/) });
    const since = registry.log.length;
    const cached = await b.build(["one", "two"], [from]);
    expect(cached).toMatchObject({ code: 0, stderr: "" });
    const without = (text: string) => text.replaceAll(/(saved as|using) ("\w+")( from cache)?/g, "$2");
    expect(without(cached.stdout)).toBe(without(pushed.stdout));
    expect(cached.stdout.match(/ from cache$/gm)).toHaveLength(2);
    expect(b.commands).toEqual([]);
    expect(moved("GET", since)).toBe(2);
    const [, ...ids] = idsOf(pushed);
    const more = await b.build(["one", "two", "three"], [from]);
    expect(more).toMatchObject({ code: 0, stderr: "" });
    expect(b.commands).toEqual(["three"]);
    await expectSameLayers(a, b, ids);
    // The base was there: only the overlays and their logs came.
    expect(moved("GET", since)).toBe(2 + 4);
    expect((await b.obuilder("log", ids[0] ?? "")).stdout).toBe("one\n");
    expect((await b.build(["one", "two", "three"])).stdout).toContain('using "');
    expect(b.commands).toEqual(["three"]);
  });

  it("takes nothing that is based on another base image, or on another run of a step", async () => {
    const [a, b] = machines();
    await a.build(["one", "two"], [to]);
    const other = join(directory, "other.qcow2");
    await makeBase(other, 8);
    await using c = await startMachine(other);
    expect(await c.build(["one"], [from])).toMatchObject({ code: 0, stderr: "" });
    expect(c.commands).toEqual(["one"]);
    await b.build(["one"]);
    expect(await b.build(["one", "two"], [from])).toMatchObject({ code: 0, stderr: "" });
    expect(b.commands).toEqual(["one", "two"]);
  });

  it.each<[string, (digest: string, bytes: Buffer) => Buffer | undefined]>([
    ["was deleted", () => undefined],
    ["has a flipped bit", (_, bytes) => Buffer.from(bytes.map((byte, at) => (at === 40 ? byte ^ 1 : byte)))],
    ["was cut", (_, bytes) => bytes.subarray(0, bytes.length / 2)],
  ])("builds anew what is based on a disk that %s, without an error", async (_, change) => {
    const [a, b] = machines();
    const [, , two = ""] = idsOf(await a.build(["one", "two", "three"], [to]));
    damage(two, change);
    const result = await b.build(["one", "two", "three", "four"], [from]);
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(
      /^obuilder: \[WARNING\] Layer [0-9a-f]{64} of 127.0.0.1:\d+\/ob cannot be used, and is built here: .*\n$/,
    );
    expect(result.stderr).toContain(two);
    expect(b.commands).toEqual(["two", "three", "four"]);
  });

  it("is a normal build, with one warning, if the registry is not there", async () => {
    const [, b] = machines();
    const gone = await b.build(["one", "two"], ["--cache-from", "127.0.0.1:9/ob"]);
    expect(gone.code).toBe(0);
    expect(gone.stderr).toMatch(
      /^obuilder: \[WARNING\] Cannot take layers from 127.0.0.1:9\/ob: .* Its layers are built here.\n$/,
    );
    expect(b.commands).toEqual(["one", "two"]);
  });

  it("pulls a layer once for several builds at a time", async () => {
    const [a, b] = machines();
    const [, one = ""] = idsOf(await a.build(["one"], [to]));
    const { digest } = diskOf(one);
    const builds = ["two", "three", "four"].map((step) => b.build(["one", step], [from]));
    for (const result of await Promise.all(builds)) expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(b.commands.toSorted()).toEqual(["four", "three", "two"]);
    const pulls = registry.requests.filter(({ method, url }) => method === "GET" && url.endsWith(digest));
    expect(pulls).toHaveLength(1);
    await expectSameLayers(a, b, [one]);
  });

  it("asks several registries in their order", async () => {
    const [a, b] = machines();
    await a.build(["one"], [to]);
    const empty = `--cache-from=${registry.host}/empty`;
    expect(await b.build(["one"], [empty, from])).toMatchObject({ code: 0, stderr: "" });
    expect(b.commands).toEqual([]);
  });

  it("knows with mode=min all layers below the last", async () => {
    const [a, b] = machines();
    await a.build(["one", "two"], [to.replace(",mode=max", "")]);
    expect([...registry.manifests.keys()].filter((key) => key.startsWith("ob:"))).toHaveLength(1);
    expect(await b.build(["one", "two", "three"], [from])).toMatchObject({ code: 0, stderr: "" });
    expect(b.commands).toEqual(["one", "two", "three"]);
    await using c = await startMachine(image);
    expect(await c.build(["one", "two"], [from])).toMatchObject({ code: 0, stderr: "" });
    expect(c.commands).toEqual([]);
  });
});

it("log and export read what only the registry has", async () => {
  const [a, b] = machines();
  const [, one = "", two = ""] = idsOf(await a.build(["one", "two"], [to]));
  await b.build(["one", "two"], [from]);
  expect((await b.obuilder("log", two)).code).toBe(4);
  expect(await b.obuilder("log", from, two)).toEqual({ code: 0, stdout: "two\n", stderr: "" });
  const file = join(directory, "disk.qcow2");
  expect((await b.obuilder("export", two, file)).code).toBe(4);
  expect(await b.obuilder("export", from, two, file)).toMatchObject({ code: 0, stderr: "" });
  await expectSameLayers(a, b, [one, two]);
});

it("files and outputs of a layer are taken from the registry where only that has it", async () => {
  const [a, b] = machines();
  const [, two = ""] = idsOf(await a.build(["one"], [to]));
  const at = (name: string) => join(directory, name);
  const metadata = at("build.json");
  // All is found in the registry: nothing is pulled but for the outputs.
  const outputs = ["--output", `type=raw,dest=${at("disk.raw")}`, "-o", `type=tar,dest=${at("files.tar")}`];
  const built = await b.build(["one"], [from, ...outputs, "--metadata-file", metadata]);
  expect(built).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^Wrote .*disk\.raw.*\nWrote .*files\.tar/),
  });
  expect(b.commands).toEqual([]);
  const { digest } = JSON.parse(await readFile(metadata, "utf8"));
  expect(digest).toBe(`sha256:${await sha256File(join(b.directory, "result", two, "rootfs/image.qcow2"))}`);
  await using c = await startMachine(image);
  await c.build([]);
  expect((await c.obuilder("export", two, "-o", `type=tar,dest=${at("none.tar")}`)).code).toBe(4);
  await c.build(["one"], [from, "--metadata-file", metadata]);
  expect(JSON.parse(await readFile(metadata, "utf8"))).toMatchObject({ id: two, digest: null });
  expect((await c.obuilder("export", from, two, "-o", `type=tar,dest=${at("c.tar")}`)).code).toBe(0);
  expect((await readdir(directory)).toSorted()).toEqual([
    "base.qcow2",
    "build.json",
    "c.tar",
    "disk.raw",
    "files.tar",
  ]);
});

describe("a build with --cache-to", () => {
  it("pushes what it has found in its store, too, and nothing twice", async () => {
    const [a, b] = machines();
    await a.build(["one"]);
    await a.build(["one", "two"], [to]);
    expect(await b.build(["one", "two"], [from])).toMatchObject({ code: 0, stderr: "" });
    expect(b.commands).toEqual([]);
    const since = registry.log.length;
    expect((await a.build(["one", "two"], [to])).code).toBe(0);
    expect(moved("PUT", since)).toBe(0);
    expect(registry.log.slice(since).filter((line) => line.startsWith("P"))).toEqual([]);
  });

  it("pushes the layers of a build that fails", async () => {
    const [a, b] = machines();
    expect((await a.build(["one", "false"], [to])).code).toBe(1);
    await b.build(["one", "two"], [from]);
    expect(b.commands).toEqual(["two"]);
  });

  it("counts as missing what is no manifest of the layer, with a warning, and replaces it", async () => {
    const [a, b] = machines();
    const [, one = ""] = idsOf(await a.build(["one", "two"], [to]));
    const key = `ob:${one}`;
    const { mediaType = "" } = registry.manifests.get(key) ?? {};
    registry.manifests.set(key, { bytes: Buffer.from("{"), mediaType });
    await using c = await startMachine(image);
    const built = await c.build(["one"], [from]);
    expect(built).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^obuilder: \[WARNING\] .*is not JSON\.\n$/),
    });
    expect(c.commands).toEqual(["one"]);
    const pushed = await b.build(["one"], [to]);
    expect(pushed).toMatchObject({ code: 0, stderr: expect.stringContaining("counts as missing") });
    await using d = await startMachine(image);
    expect(await d.build(["one"], [from])).toMatchObject({ code: 0, stderr: "" });
    expect(d.commands).toEqual([]);
  });

  it("replaces what the registry has lost", async () => {
    const [a, b] = machines();
    const [, one = ""] = idsOf(await a.build(["one"], [to]));
    damage(one, () => undefined);
    await b.build(["one"], [from, to]);
    await b.build(["one", "two"], [from, to]);
    expect(b.commands).toEqual(["one", "two"]);
    await using c = await startMachine(image);
    expect(await c.build(["one", "two", "three"], [from])).toMatchObject({ code: 0, stderr: "" });
    expect(c.commands).toEqual(["three"]);
    const blobs = registry.blobs.size;
    damage(one, () => undefined);
    expect(await b.build(["one"], [to])).toMatchObject({ code: 0 });
    expect(registry.blobs.size).toBe(blobs);
  });

  it("fails at its end if that fails, as BuildKit does, unless ignore-error is given", async () => {
    const [a] = machines();
    const down = "--cache-to=type=registry,ref=127.0.0.1:9/ob,mode=max";
    const failed = await a.build(["one"], [down]);
    expect([failed.code, a.commands]).toEqual([4, ["one"]]);
    expect(failed.stderr).toContain("[WARNING] Cannot push layer ");
    expect(failed.stderr).toContain("Not all layers were pushed to 127.0.0.1:9/ob: ");
    expect(failed.stderr).toContain("`ignore-error=true` in --cache-to");
    const ignored = await a.build(["one"], [`${down},ignore-error=true`]);
    expect(ignored).toMatchObject({ code: 0, stdout: expect.stringContaining("Got: ") });
    expect(ignored.stderr).toContain("[WARNING] Cannot push layer ");
  });

  it("ends at once when it is interrupted while it pushes", async () => {
    const [a] = machines();
    const interrupts = createInterrupts();
    registry.options.intercept = ({ method }) => {
      if (method === "POST") interrupts.interrupt("SIGINT");
      return method === "POST";
    };
    const start = performance.now();
    const { code } = await a.build(["one"], [to], { interrupts });
    expect(code).toBe(130);
    expect(performance.now() - start).toBeLessThan(10_000);
    await using store = await a.open();
    expect([...store.list()]).toHaveLength(2);
  });

  it("pushes and looks up no layers of specs with secrets, unless it is asked to", async () => {
    const [a, b] = machines();
    const secret = join(directory, "secret");
    await makeBase(secret);
    const step = "(run (secrets (token (target /token))) (shell use))";
    const given = ["--secret", `token:${secret}`];
    const quiet = await a.build(["one", step], [to, from, ...given]);
    expect(quiet.code).toBe(0);
    expect(quiet.stderr).toContain("The spec uses secrets: its layers are not pushed; secrets=push");
    expect(registry.requests).toEqual([]);
    expect((await a.build(["one", step], [`${to},secrets=push`, ...given])).code).toBe(0);
    await b.build(["one", step], [`${from},secrets=pull`, ...given]);
    expect(b.commands).toEqual([]);
  });
});

it("a registry that does not answer is given up, and not asked again", async () => {
  const [asked, events]: [string[], ObEvent[]] = [[], []];
  const silent: SourceRegistry = {
    reference: parseReference("reg.example/ob"),
    findLayer: async (id, { signal } = {}) => {
      asked.push(id);
      await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
      return undefined;
    },
    pullLayer: () => Promise.reject(new Error("Nothing was found.")),
  };
  const emit = (event: ObEvent) => void events.push(event);
  const source = new LayerSource([silent], { emit, lookupMs: 20 });
  for (const text of ["one", "two"]) expect(await source.find(layerId(sha256(text)))).toBeUndefined();
  expect(asked).toHaveLength(1);
  const text =
    "Cannot take layers from reg.example/ob: it does not answer in time. Its layers are built here.";
  expect(events).toEqual([{ type: "log", level: "warning", text }]);
});

it("without these options no request is sent", async () => {
  const [a] = machines();
  await a.build(["one"]);
  expect(registry.requests).toEqual([]);
});

it.each([
  ["--cache-from=type=gha", "type takes registry"],
  ["--cache-from=type=registry", "needs ref=REF"],
  ["--cache-from=reg", "does not start with a registry"],
  ["--cache-to=type=registry,ref=a.b/c,mode=middle", "mode takes min or max"],
  ["--cache-to=type=registry,ref=a.b/c,ignore-errors=true", 'no attribute "ignore-errors"'],
  ["--cache-to=type=registry,ref=a.b/c,secrets=yes", "secrets takes push"],
  ["--cache-to=type=registry,ref=a.b/c,ref=a.b/d", "the attribute ref twice"],
])("refuses %s", async (option, message) => {
  const [a] = machines();
  const { code, stderr } = await a.build(["one"], [option]);
  expect([code, stderr]).toEqual([expect.toBeOneOf([2, 4]), expect.stringContaining(message)]);
  expect(a.commands).toEqual([]);
});

/** The descriptor of a layer's disk in the registry. */
function diskOf(id: string): { readonly digest: string } {
  const manifest = JSON.parse(String(registry.manifests.get(`ob:${id}`)?.bytes)) as {
    layers: { digest: string; annotations: Record<string, string> }[];
  };
  const disk = manifest.layers.find(({ annotations }) => annotations["org.obuilder.layer.id"] === id);
  if (!disk) throw new Error(`the registry has no disk of ${id}`);
  return disk;
}

/** Changes the disk of a layer in the registry; undefined deletes it. */
function damage(id: string, change: (digest: string, bytes: Buffer) => Buffer | undefined): void {
  const key = `ob@${diskOf(id).digest}`;
  const changed = change(key, registry.blobs.get(key) ?? Buffer.alloc(0));
  if (changed) registry.blobs.set(key, changed);
  else registry.blobs.delete(key);
}
