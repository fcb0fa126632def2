import { randomBytes } from "node:crypto";
import { findProgram, run } from "@ob/core";
import { describe, expect, test } from "vitest";
import { digestOf, openRegistry, type Registry } from "./index.ts";
import { imageManifest, registries } from "./registries.test.helper.ts";
import { hasDockerRegistry, startDockerRegistry } from "./testing/docker-registry.ts";
import { FakeRegistry } from "./testing/fake-registry.ts";
import { type Scratch, scratch } from "./testing/scratch.ts";

const tag = "debian";
const indexType = "application/vnd.oci.image.index.v1+json";

/** Pushes an image of random bytes. */
async function push(
  { registry, files }: { readonly registry: Registry; readonly files: Scratch },
  fields: Readonly<Record<string, unknown>>,
  overwrite = false,
) {
  const disk = await files.file("disk", randomBytes(1_000));
  const manifest = imageManifest({ directBoot: undefined, ...fields });
  return await registry.pushImage({ tag, disk, manifest, overwrite });
}

for (const [registryName, { start, skip }] of Object.entries(registries)) {
  test.skipIf(skip)(
    `${registryName}: a tag stands for the images of one system for several architectures`,
    async () => {
      await using host = await start();
      await using files = await scratch();
      await using registry = openRegistry({ ref: `${host.host}/ob` });
      const amd64 = await push({ registry, files }, {});
      expect(await registry.findImage(tag, { architecture: "amd64" })).toEqual(amd64.image);
      await expect(registry.findImage(tag, { architecture: "riscv64" })).rejects.toThrow(
        'is for linux/amd64; "riscv64" is wanted',
      );
      const riscv64 = await push({ registry, files }, { guestArch: "riscv64" });
      expect([amd64.outcome, riscv64.outcome]).toEqual(["pushed", "pushed"]);

      for (const [architecture, { image }] of [
        ["amd64", amd64],
        ["riscv64", riscv64],
      ] as const) {
        const platform = { os: "linux", architecture };
        expect(await registry.findImage(tag, { architecture })).toEqual({ ...image, platform });
        const found = await registry.findImage(tag, { hostArchitecture: architecture });
        expect(found).toEqual({ ...image, platform });
        const pulled = found && (await registry.pullImage(found, { disk: files.path(`to-${architecture}`) }));
        expect(pulled?.manifest).toContain(architecture);
      }
      await expect(registry.findImage(tag)).rejects.toMatchObject({
        code: "REGISTRY",
        message: expect.stringContaining("for several architectures: linux/amd64, linux/riscv64"),
        data: { architectures: "amd64, riscv64" },
      });
      await expect(registry.findImage(tag, { hostArchitecture: "arm64" })).rejects.toThrow(
        '"arm64" is wanted',
      );

      // Of one architecture, the first stays unless told otherwise; the other one stays always.
      const different = await push({ registry, files }, { guestArch: "riscv64" });
      expect(different.outcome).toBe("different");
      expect(different.image.manifestDigest).toBe(riscv64.image.manifestDigest);
      const replaced = await push({ registry, files }, { guestArch: "riscv64" }, true);
      expect(replaced.outcome).toBe("pushed");
      expect(await registry.findImage(tag, { architecture: "riscv64" })).toEqual(replaced.image);
      const kept = await registry.findImage(tag, { architecture: "amd64" });
      expect(kept?.manifestDigest).toBe(amd64.image.manifestDigest);

      // Another system takes the place of all of them.
      const foreign = await push({ registry, files }, { guestOs: "openbsd" });
      expect(foreign.outcome).toBe("different");
      const alone = await push({ registry, files }, { guestOs: "openbsd" }, true);
      expect(await registry.findImage(tag)).toEqual(alone.image);
    },
  );
}

test("what a tag stands for already is pushed again without a change, with one architecture or with several", async () => {
  await using fake = await FakeRegistry.start();
  await using files = await scratch();
  await using registry = openRegistry({ ref: `${fake.host}/ob` });
  const pushes = ["amd64", "riscv64"].map(async (guestArch) => {
    const disk = await files.file(guestArch, randomBytes(1_000));
    return { tag, disk, manifest: imageManifest({ directBoot: undefined, guestArch }) };
  });
  const [one, two] = await Promise.all(pushes);
  if (!one || !two) throw new Error("two images");
  await registry.pushImage(one);
  expect((await registry.pushImage(one)).outcome).toBe("present");
  await registry.pushImage(two);
  const before = fake.manifests.get(`ob:${tag}`);
  expect(before?.mediaType).toBe(indexType);
  for (const each of [one, two]) expect((await registry.pushImage(each)).outcome).toBe("present");
  expect(fake.manifests.get(`ob:${tag}`)).toBe(before);
});

test("an image whose manifest the registry has lost makes room in the index", async () => {
  await using fake = await FakeRegistry.start();
  await using files = await scratch();
  await using registry = openRegistry({ ref: `${fake.host}/ob` });
  const amd64 = await push({ registry, files }, {});
  await push({ registry, files }, { guestArch: "riscv64" });
  fake.manifests.delete(`ob@${amd64.image.manifestDigest}`);
  expect(await registry.findImage(tag, { architecture: "amd64" })).toBeUndefined();
  expect((await push({ registry, files }, {})).outcome).toBe("pushed");
  for (const architecture of ["amd64", "riscv64"] as const) {
    expect((await registry.findImage(tag, { architecture }))?.platform?.architecture).toBe(architecture);
  }
});

test("the platforms of an index have OCI's names", async () => {
  await using fake = await FakeRegistry.start();
  await using files = await scratch();
  await using registry = openRegistry({ ref: `${fake.host}/ob` });
  const architectures = ["arm64", "armhf", "i386", "ppc64el"] as const;
  for (const guestArch of architectures) await push({ registry, files }, { guestArch });
  const { bytes = Buffer.alloc(0) } = fake.manifests.get(`ob:${tag}`) ?? {};
  const { manifests } = JSON.parse(bytes.toString()) as { manifests: readonly { platform: unknown }[] };
  expect(manifests.map(({ platform }) => platform)).toEqual([
    { architecture: "386", os: "linux" },
    { architecture: "arm", os: "linux", variant: "v7" },
    { architecture: "arm64", os: "linux" },
    { architecture: "ppc64le", os: "linux" },
  ]);
  for (const architecture of architectures) {
    const image = await registry.findImage(tag, { architecture });
    const pulled = image && (await registry.pullImage(image, { disk: files.path(architecture) }));
    expect(pulled?.manifest).toContain(architecture);
  }
  await expect(registry.findImage(tag)).rejects.toMatchObject({
    data: { architectures: "i386, armhf, arm64, ppc64el" },
  });
});

describe("an index of a hostile registry", () => {
  const size = 2;
  const entry = (fields: Readonly<Record<string, unknown>> = {}) => ({
    ...{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf("{}"), size },
    ...{ platform: { os: "linux", architecture: "amd64" }, ...fields },
  });

  test.each<[string, unknown]>([
    ["manifests: ", { schemaVersion: 2, manifests: [] }],
    ["manifests.0.platform: ", { schemaVersion: 2, manifests: [entry({ platform: undefined })] }],
    [
      "is not the name of a system",
      { schemaVersion: 2, manifests: [entry({ platform: { os: "\u001b[2J", architecture: "amd64" } })] },
    ],
    ["manifests.0.mediaType: ", { schemaVersion: 2, manifests: [entry({ mediaType: indexType })] }],
    ["manifests.0.digest: ", { schemaVersion: 2, manifests: [entry({ digest: "sha256:../x" })] }],
    ['two images for "linux/amd64"', { schemaVersion: 2, manifests: [entry(), entry()] }],
    ["manifests: ", { schemaVersion: 2, manifests: Array.from({ length: 101 }, () => entry()) }],
  ])("is refused: %s", async (message, index) => {
    await using fake = await FakeRegistry.start();
    fake.manifests.set(`ob:${tag}`, { bytes: Buffer.from(JSON.stringify(index)), mediaType: indexType });
    await using registry = openRegistry({ ref: `${fake.host}/ob` });
    await expect(registry.findImage(tag, { architecture: "amd64" })).rejects.toMatchObject({
      code: "REGISTRY",
      message: expect.stringContaining(message),
    });
  });

  test("is refused if the image is for another platform than it says", async () => {
    await using fake = await FakeRegistry.start();
    await using files = await scratch();
    await using registry = openRegistry({ ref: `${fake.host}/ob` });
    await push({ registry, files }, {});
    await push({ registry, files }, { guestArch: "riscv64" });
    const { bytes = Buffer.alloc(0) } = fake.manifests.get(`ob:${tag}`) ?? {};
    const lies = bytes.toString().replace('"riscv64"', '"arm64"');
    fake.manifests.set(`ob:${tag}`, { bytes: Buffer.from(lies), mediaType: indexType });
    const image = await registry.findImage(tag, { architecture: "arm64" });
    if (!image) throw new Error("the index has it");
    await expect(registry.pullImage(image, { disk: files.path("to") })).rejects.toThrow(
      'is for "linux/riscv64", and its index has it for "linux/arm64"',
    );
  });
});

const hasSkopeo = (await findProgram("skopeo")) !== undefined && (await hasDockerRegistry());

test.skipIf(!hasSkopeo)("skopeo inspects an index, and copies all of it unchanged", async () => {
  await using from = await startDockerRegistry();
  await using to = await startDockerRegistry();
  await using files = await scratch();
  await using registry = openRegistry({ ref: `${from.host}/ob` });
  for (const guestArch of ["amd64", "armhf"]) await push({ registry, files }, { guestArch });
  const source = `docker://${from.host}/ob:${tag}`;
  const inspect = async (...options: readonly string[]) => {
    const { stdout } = await run(["skopeo", ...options, "inspect", "--raw", "--tls-verify=false", source]);
    return JSON.parse(stdout) as { readonly manifests: readonly { readonly platform: unknown }[] };
  };
  expect((await inspect()).manifests.map(({ platform }) => platform)).toEqual([
    { architecture: "amd64", os: "linux" },
    { architecture: "arm", os: "linux", variant: "v7" },
  ]);
  const flags = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
  const layout = `oci:${files.path("layout")}:${tag}`;
  await run(["skopeo", ...flags, "--all", source, layout]);
  await run(["skopeo", ...flags, "--all", layout, `docker://${to.host}/copy:${tag}`]);
  const one = ["--override-os", "linux", "--override-arch", "arm", "--override-variant", "v7"];
  await run(["skopeo", ...one, ...flags, source, `docker://${to.host}/copy:one`]);
  await using copy = openRegistry({ ref: `${to.host}/copy` });
  for (const architecture of ["amd64", "armhf"] as const) {
    const image = await copy.findImage(tag, { architecture });
    expect(image).toEqual(await registry.findImage(tag, { architecture }));
    expect(image && (await copy.pullImage(image, { disk: files.path(architecture) }))).toBeDefined();
  }
  const armhf = await registry.findImage(tag, { architecture: "armhf" });
  expect((await copy.findImage("one"))?.manifestDigest).toBe(armhf?.manifestDigest);
});
