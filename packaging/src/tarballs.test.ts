import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { sharedMetadata } from "../../scripts/package-metadata.mjs";
import { call, callOwnTool } from "./tools.ts";
import { type Manifest, readManifest, repository, targetsOf } from "./workspace.ts";

describe.each(inject("packed"))("the tarball of $name", ({ name, folder, tarball }) => {
  const unpacked = join(inject("work"), "unpacked", folder);
  let files: readonly string[] = [];
  let manifest: Manifest;

  beforeAll(async () => {
    await mkdir(unpacked, { recursive: true });
    const listed = await call("tar", ["-xvzf", tarball, "-C", unpacked, "--strip-components=1"]);
    files = listed.split("\n").map((file) => file.replace("package/", ""));
    manifest = readManifest(unpacked);
  });

  test("has the license, a README, and the metadata of the repository", async () => {
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
    expect(await readFile(join(unpacked, "LICENSE"), "utf8")).toContain("Apache License");
    expect(manifest).toMatchObject(sharedMetadata(readManifest(repository), folder));
    expect(manifest).toMatchObject({
      ...{ description: expect.any(String), publishConfig: { access: "public" } },
      ...{ keywords: expect.arrayContaining(["obuilder"]), engines: { node: expect.any(String) } },
    });
  });

  test("has neither tests nor what only they use", () => {
    const isPublic = JSON.stringify(manifest.exports).includes("/testing/");
    expect(files.filter((file) => /\.test\.|test-data|tsbuildinfo/.test(file))).toEqual([]);
    if (!isPublic) expect(files.filter((file) => /(^|\/)testing\//.test(file))).toEqual([]);
  });

  test("has every file that its package.json and its source maps name", async () => {
    const targets = [manifest.exports, manifest.imports, manifest.bin].flatMap(targetsOf);
    for (const target of targets.filter((path) => path.startsWith("."))) {
      const path = posix.normalize(target);
      const [prefix = path, rest] = path.split("*");
      const found = rest === undefined ? files.includes(path) : files.some((file) => file.startsWith(prefix));
      expect(found, target).toBe(true);
    }
    for (const file of files.filter((one) => one.endsWith(".map"))) {
      const map: { readonly sources: readonly string[] } = JSON.parse(
        await readFile(join(unpacked, file), "utf8"),
      );
      for (const source of map.sources) expect(files).toContain(posix.join(dirname(file), source));
    }
  });

  test("satisfies publint", async () => {
    await callOwnTool("publint", ["run", "--strict", tarball]);
  });

  test("has types that resolve in every way of importing it", async () => {
    await callOwnTool("attw", [
      "--profile=esm-only",
      "--no-definitely-typed",
      "--no-emoji",
      "--format=ascii",
      tarball,
    ]);
  });

  test("depends on nothing that is not published", () => {
    const published = new Set(inject("packed").map((one) => one.name));
    const ours = Object.keys(manifest.dependencies ?? {}).filter((one) => one.startsWith("@ob/"));
    expect(ours.filter((one) => !published.has(one))).toEqual([]);
    expect(name).toBe(manifest.name);
  });
});
