import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { findProgram, run } from "@ob/core";
import { describe, expect, test } from "vitest";
import { contentOf, openRegistry } from "./index.ts";
import { imageManifest, registries } from "./registries.test.helper.ts";
import { CuttingProxy } from "./testing/cutting-proxy.ts";
import { hasDockerRegistry, startDockerRegistry } from "./testing/docker-registry.ts";
import { idOf, scratch } from "./testing/scratch.ts";

for (const [registryName, { start, skip }] of Object.entries(registries)) {
  describe.skipIf(skip)(registryName, () => {
    test("a layer is pushed, found, and pulled byte for byte, with holes where its disks have zeros", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/ob/layers` });
      const chain = await files.chain("base", "a", "b");
      const log = await files.file("log", "line\n".repeat(1_000));
      await registry.ping();
      expect(await registry.findLayer(idOf("b"))).toBeUndefined();
      expect(await registry.listTags()).toEqual([]);

      const environment = [["PATH", "/bin"]] as const;
      const pushed = await registry.pushLayer({ id: idOf("b"), chain, log, environment });
      expect(pushed.outcome).toBe("pushed");

      const layer = await registry.findLayer(idOf("b"));
      expect(layer).toEqual(pushed.layer);
      expect(layer?.environment).toEqual(environment);
      expect(layer?.chain.map(({ id }) => id)).toEqual(["base", "a", "b"].map(idOf));
      expect(layer?.chain.map(({ blob, content }) => blob.size < content.size)).toEqual([false, true, true]);
      expect(await registry.listTags()).toEqual([idOf("b")]);

      const disk = (_: unknown, index: number): string => files.path(`disk-${index}`);
      expect(layer && (await registry.pullLayer(layer, { disk, log: files.path("pulled.log") }))).toBe(true);
      for (const [index, { file }] of chain.entries()) {
        expect(await contentOf(files.path(`disk-${index}`)), file).toEqual(await contentOf(file));
      }
      expect(await readFile(files.path("pulled.log"), "utf8")).toBe("line\n".repeat(1_000));
      const { size, blocks } = await stat(files.path("disk-2"));
      expect(blocks * 512).toBeLessThan(size / 2);
    });

    test("only what the registry lacks is sent", async () => {
      await using host = await start();
      await using files = await scratch();
      const moved: string[] = [];
      await using registry = openRegistry({
        ref: `${host.host}/ob`,
        onProgress: ({ digest, bytes, total }) => bytes === total && moved.push(digest),
      });
      const [base, a, b] = await files.chain("base", "a", "b");
      if (!base || !a || !b) throw new Error("three disks");
      const first = await registry.pushLayer({ id: a.id, chain: [base, a] });
      expect(moved.splice(0)).toHaveLength(3);
      const second = await registry.pushLayer({ id: b.id, chain: [base, a, b] });
      expect(second.layer.chain.slice(0, 2)).toEqual(first.layer.chain);
      expect(moved.splice(0)).toEqual([second.layer.chain[2]?.blob.digest]);
      const again = await registry.pushLayer({ id: b.id, chain: [base, a, b] });
      expect([again.outcome, again.layer]).toEqual(["present", second.layer]);
      expect(moved).toEqual([]);
    });

    test("of two layers with one id the first stays, unless told otherwise", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/ob` });
      const [base] = await files.chain("base");
      const [one] = await files.chain("a");
      if (!base || !one) throw new Error("two disks");
      const first = await registry.pushLayer({ id: one.id, chain: [base, one] });
      // Another run of the step: the same id, other bytes.
      const chain = [base, ...(await files.chain("a"))];
      expect(await registry.pushLayer({ id: one.id, chain })).toEqual({
        outcome: "different",
        layer: first.layer,
      });
      expect(await registry.findLayer(one.id)).toEqual(first.layer);
      const replaced = await registry.pushLayer({ id: one.id, chain, overwrite: true });
      expect(replaced.outcome).toBe("pushed");
      expect(await registry.findLayer(one.id)).toEqual(replaced.layer);
    });

    test("a long blob goes in chunks, and is pulled again with what an earlier attempt left", async () => {
      await using host = await start();
      await using files = await scratch();
      const bytes = randomBytes(300_001);
      const file = await files.file("base", bytes);
      await using registry = openRegistry({ ref: `${host.host}/ob`, chunkBytes: 65_536 });
      await registry.pushLayer({ id: idOf("base"), chain: [{ id: idOf("base"), file }] });
      const content = await contentOf(file);
      await files.file("to.partial", bytes.subarray(0, 200_000));
      expect(await registry.pullBlob(content, files.path("to"), { keepPartial: true })).toBe(true);
      expect(bytes.equals(await readFile(files.path("to")))).toBe(true);
    });

    test("a blob is mounted from another repository", async () => {
      await using host = await start();
      await using files = await scratch();
      await using from = openRegistry({ ref: `${host.host}/from` });
      let moved = 0;
      await using to = openRegistry({ ref: `${host.host}/to`, onProgress: () => moved++ });
      const chain = await files.chain("base", "a");
      const { layer } = await from.pushLayer({ id: idOf("a"), chain });
      const pushed = await to.pushLayer({ id: idOf("a"), chain, mountFrom: from.reference.repository });
      expect([pushed.outcome, moved]).toEqual(["pushed", 0]);
      expect(pushed.layer).toEqual(layer);
    });

    test("what was removed is a miss", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/ob` });
      const { layer } = await registry.pushLayer({ id: idOf("a"), chain: await files.chain("a") });
      expect(await registry.removeLayer(idOf("a"))).toBe(true);
      expect(await registry.removeLayer(idOf("a"))).toBe(false);
      expect(await registry.findLayer(idOf("a"))).toBeUndefined();
      const gone = await contentOf(await files.file("never-pushed", "x"));
      expect(await registry.hasBlob(gone)).toBe(false);
      expect(await registry.pullBlob(gone, files.path("to"))).toBe(false);
      const damaged = {
        ...layer,
        chain: [{ ...layer.chain[0]!, blob: { ...layer.chain[0]!.blob, ...gone }, content: gone }],
      };
      expect(await registry.pullLayer(damaged, { disk: () => files.path("disk") })).toBe(false);
    });

    test("a base image is pushed with the files that its manifest names, and pulled with them", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/images` });
      const disk = await files.file("debian.qcow2", randomBytes(100_000));
      const { digest } = await contentOf(disk);
      const manifest = imageManifest({ sha256: digest.slice("sha256:".length) });
      const kernel = await files.file("vmlinuz", randomBytes(5_000));
      const initrd = await files.file("initrd", randomBytes(6_000));
      const named = { "debian.files/vmlinuz": kernel, "debian.files/initrd": initrd };
      const pushed = await registry.pushImage({ tag: "debian-12", disk, manifest, files: named });
      expect(pushed.outcome).toBe("pushed");
      expect((await registry.pushImage({ tag: "debian-12", disk, manifest, files: named })).outcome).toBe(
        "present",
      );
      expect(await registry.pushImage({ tag: "debian-12", disk })).toEqual({
        ...pushed,
        outcome: "different",
      });

      const image = await registry.findImage("debian-12");
      expect(image).toEqual(pushed.image);
      expect(await registry.findImage(pushed.image.manifestDigest)).toEqual(image);
      const to = (name: string): string => files.path(`to-${name.replace("/", "-")}`);
      expect(image && (await registry.pullImage(image, { disk: to("disk"), file: to }))).toEqual({
        manifest,
      });
      expect(await contentOf(to("disk"))).toEqual(await contentOf(disk));
      for (const [name, file] of Object.entries(named))
        expect(await contentOf(to(name))).toEqual(await contentOf(file));

      const replaced = await registry.pushImage({ tag: "debian-12", disk, overwrite: true });
      expect(await registry.findImage("debian-12")).toEqual(replaced.image);
      expect(await registry.pullImage(replaced.image, { disk: to("again") })).toEqual({
        manifest: undefined,
      });
    });

    test("a build context from a stream and from a file is one and the same artefact", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/contexts` });
      const bytes = Buffer.concat([randomBytes(200_000), Buffer.alloc(2_000_000), randomBytes(3)]);
      const tar = await files.file("context.tar", bytes);
      const first = await registry.pushContext({ tar });
      const pieces = Array.from({ length: 2_201 }, (_, index) =>
        bytes.subarray(index * 1_000, (index + 1) * 1_000),
      );
      expect(await registry.pushContext({ tar: Readable.from(pieces), tag: "latest" })).toEqual(first);
      const context = await registry.findContext("latest");
      expect(context).toEqual(first);
      expect(await registry.findContext(first.manifestDigest)).toEqual(first);
      expect(context && (await registry.pullContext(context, files.path("to.tar")))).toBe(true);
      expect(bytes.equals(await readFile(files.path("to.tar")))).toBe(true);
      expect(await registry.findContext("other")).toBeUndefined();
    });

    test("an artefact of any kind is pushed and found", async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/any` });
      const file = await files.file("report", "all is well");
      const layers = [{ file, mediaType: "text/plain", annotations: { title: "report" } }];
      const request = { artifactType: "application/vnd.example.report", layers, annotations: { a: "b" } };
      const pushed = await registry.pushArtefact({ ...request, tag: "v1" });
      expect(await registry.findArtefact("v1")).toEqual(pushed);
      expect(await registry.pushArtefact(request)).toEqual(pushed);
      const [blob] = pushed.layers;
      expect(blob).toEqual({
        ...(await contentOf(file)),
        mediaType: "text/plain",
        annotations: { title: "report" },
      });
      expect(blob && (await registry.pullBlob(blob, files.path("to")))).toBe(true);
      await expect(registry.findImage("v1")).rejects.toThrow("not application/vnd.obuilder.image.v1");
      await expect(registry.findContext("v1")).rejects.toThrow("not application/vnd.obuilder.context.v1");
      await expect(registry.findArtefact("../v1")).rejects.toThrow("neither a tag nor a sha256 digest");
    });
  });
}

test.skipIf(!(await hasDockerRegistry()))(
  "docker-registry has all bytes, and gives all of them, over connections that break",
  async () => {
    await using server = await startDockerRegistry();
    await using proxy = await CuttingProxy.start(server.host);
    await using files = await scratch();
    const repeated: string[] = [];
    await using registry = openRegistry({
      ref: `${proxy.host}/ob`,
      chunkBytes: 1 << 20,
      pauseMs: 10,
      emit: (event) => event.type === "log" && repeated.push(event.text),
    });
    await registry.ping();
    const bytes = randomBytes(3_500_000);
    const file = await files.file("base", bytes);
    Object.assign(proxy.cuts, { count: 3, bytes: 700_000 });
    await registry.pushLayer({ id: idOf("base"), chain: [{ id: idOf("base"), file }] });
    expect(proxy.cuts.count).toBe(0);
    expect(repeated.splice(0).length).toBeGreaterThanOrEqual(3);
    Object.assign(proxy.cuts, { count: 3, bytes: 700_000 });
    expect(await registry.pullBlob(await contentOf(file), files.path("to"))).toBe(true);
    expect(repeated.length).toBeGreaterThanOrEqual(3);
    expect(bytes.equals(await readFile(files.path("to")))).toBe(true);
  },
);

const hasSkopeo = (await findProgram("skopeo")) !== undefined && (await hasDockerRegistry());

test.skipIf(!hasSkopeo)(
  "skopeo copies what was pushed to a directory and to another registry, unchanged",
  async () => {
    await using from = await startDockerRegistry();
    await using to = await startDockerRegistry();
    await using files = await scratch();
    await using registry = openRegistry({ ref: `${from.host}/ob` });
    const id = idOf("b");
    const { layer } = await registry.pushLayer({ id, chain: await files.chain("base", "a", "b") });
    const disk = await files.file("disk", randomBytes(1_000));
    const { image } = await registry.pushImage({
      tag: "image",
      disk,
      manifest: imageManifest({ directBoot: undefined }),
    });
    const layout = files.path("layout");
    for (const tag of [id, "image"]) {
      const options = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
      await run(["skopeo", ...options, `docker://${from.host}/ob:${tag}`, `oci:${layout}:${tag}`]);
      await run(["skopeo", ...options, `oci:${layout}:${tag}`, `docker://${to.host}/copy:${tag}`]);
    }
    await using copy = openRegistry({ ref: `${to.host}/copy` });
    expect(await copy.findLayer(id)).toEqual(layer);
    expect(await copy.findImage("image")).toEqual(image);
    expect(await copy.pullLayer(layer, { disk: (_, index) => files.path(`to-${index}`) })).toBe(true);
  },
);
