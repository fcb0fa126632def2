import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { type Digest, digestOf, openRegistry } from "../index.ts";
import { FakeRegistry } from "../testing/fake-registry.ts";
import { scratch } from "../testing/scratch.ts";

const diskBytes = Buffer.from("a disk");
const common = { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "me" };
const direct = { ...common, directBoot: { kernel: "k", initrd: "i", commandLine: "" } };

describe("what is pushed", () => {
  async function push(manifest: unknown, files: Readonly<Record<string, string>>): Promise<unknown> {
    await using fake = await FakeRegistry.start();
    await using here = await scratch();
    await using registry = openRegistry({ ref: `${fake.host}/ob` });
    const disk = await here.file("disk", diskBytes);
    const paths = await Promise.all(
      Object.entries(files).map(async ([name, text]) => [name, await here.file(name, text)]),
    );
    const request = { tag: "t", disk, manifest: JSON.stringify(manifest), files: Object.fromEntries(paths) };
    const outcome = await registry.pushImage(request).catch((error: unknown) => error);
    expect(fake.manifests.size > 0).toBe(!(outcome instanceof Error));
    return outcome;
  }

  test("are the files that the image manifest names, but not the key of a store", async () => {
    expect(await push({ ...direct, sshKey: "key" }, { k: "k", i: "i", key: "secret" })).toMatchObject({
      outcome: "pushed",
    });
    expect(await push({ ...common, sshKey: "../state/ssh/id" }, {})).toMatchObject({ outcome: "pushed" });
  });

  test.each<[string, unknown, Record<string, string>]>([
    [`names "i", which is not among the files to push`, direct, { k: "k" }],
    [`does not name "key"`, direct, { k: "k", i: "i", key: "secret" }],
    ["is of another disk", { ...common, sha256: "0".repeat(64) }, {}],
    ["is invalid", { ...common, guestArch: "vax" }, {}],
  ])("must fit the image manifest: %s", async (message, manifest, files) => {
    expect(await push(manifest, files)).toMatchObject({ message: expect.stringContaining(message) });
  });
});

describe("an image of a hostile registry", () => {
  interface Blob {
    readonly mediaType: string;
    readonly bytes: string | Buffer;
    readonly title?: string;
  }
  const type = (name: string): string => `application/vnd.obuilder.${name}`;
  const disk: Blob = { mediaType: type("disk.v1.qcow2"), bytes: diskBytes };
  const file = (title: string | undefined): Blob => ({
    mediaType: type("image.file.v1"),
    bytes: `of ${title}`,
    ...(title !== undefined && { title }),
  });
  const config = (manifest: unknown): Blob => ({
    mediaType: type("image.manifest.v1+json"),
    bytes: JSON.stringify(manifest),
  });

  async function pull(settings: Blob, layers: readonly Blob[]): Promise<unknown> {
    await using fake = await FakeRegistry.start();
    await using here = await scratch();
    const put = ({ mediaType, bytes, title }: Blob) => {
      const digest: Digest = digestOf(bytes);
      fake.blobs.set(`ob@${digest}`, Buffer.from(bytes));
      const annotations = title === undefined ? {} : { "org.opencontainers.image.title": title };
      return { mediaType, digest, size: Buffer.from(bytes).length, annotations };
    };
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const artifactType = type("image.v1");
    const manifest = {
      schemaVersion: 2,
      mediaType,
      artifactType,
      config: put(settings),
      layers: layers.map(put),
    };
    fake.manifests.set("ob:t", { bytes: Buffer.from(JSON.stringify(manifest)), mediaType });
    await using registry = openRegistry({ ref: `${fake.host}/ob` });
    try {
      const image = await registry.findImage("t");
      if (!image) return image;
      return await registry.pullImage(image, { disk: here.path("disk"), file: (name) => here.path(name) });
    } catch (error) {
      expect(await readdir(here.path("."))).toEqual([]);
      return error;
    }
  }

  test("is pulled if it is good", async () => {
    expect(await pull(config(direct), [disk, file("k"), file("i")])).toEqual({
      manifest: JSON.stringify(direct),
    });
  });

  test.each<[string, Blob, readonly Blob[]]>([
    ["does not start with a disk", config(common), []],
    ["does not start with a disk", config(common), [file("k"), disk]],
    ["has a blob of the type", config(common), [disk, disk]],
    ["has a file twice", config(direct), [disk, file("k"), file("k")]],
    ["lacks the annotation org.opencontainers.image.title", config(common), [disk, file(undefined)]],
    [`lacks the file "i"`, config(direct), [disk, file("k")]],
    [
      `has the file "../../etc/cron.d/x", which its image manifest does not name`,
      config(common),
      [disk, file("../../etc/cron.d/x")],
    ],
    [
      "must not lead out of the manifest's directory",
      config({ ...common, sshKey: "../../x" }),
      [disk, file("../../x")],
    ],
    [
      "must be relative to the manifest",
      config({ ...common, sshKey: "/etc/shadow" }),
      [disk, file("/etc/shadow")],
    ],
    ["is of another disk", config({ ...common, sha256: "0".repeat(64) }), [disk]],
    ["is not JSON", { ...config(0), bytes: "{" }, [disk]],
    ["has a configuration of the type", { mediaType: "text/plain", bytes: "x" }, [disk]],
    [
      "has an image manifest of more than 1048576 bytes",
      { ...config(0), bytes: Buffer.alloc(2 << 20) },
      [disk],
    ],
  ])("is refused: %s", async (message, settings, layers) => {
    const error = await pull(settings, layers);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
  });
});
