import { mkdir, mkdtempDisposable, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStore } from "@ob/core/testing";
import { describe, expect, test } from "vitest";
import { request } from "../builds.test.helper.ts";
import { planBuild } from "../plan.ts";
import { makeFifo } from "../source/fifo.test.helper.ts";
import { generateManifest, type Manifest } from "../source/manifest.ts";
import { loadIgnoreRules } from "./ignore-file.ts";

/** A source directory with files; their contents are their paths. */
async function source(files: Readonly<Record<string, string>> = {}) {
  const temporary = await mkdtempDisposable(join(tmpdir(), "ob-ignore-"));
  const sourceDirectory = join(temporary.path, "source");
  await mkdir(sourceDirectory);
  for (const [path, contents] of Object.entries(files)) {
    await mkdir(join(sourceDirectory, path, ".."), { recursive: true });
    await writeFile(join(sourceDirectory, path), contents);
  }
  const copied = async (from = ".", exclude: readonly string[] = []) => {
    const ignore = await loadIgnoreRules(sourceDirectory, undefined);
    return pathsOf(await generateManifest(from, { sourceDirectory, ignore, exclude }));
  };
  return {
    ...temporary,
    sourceDirectory,
    copied,
    load: async () => await loadIgnoreRules(sourceDirectory, undefined),
  };
}

function pathsOf(manifest: Manifest): readonly string[] {
  if (manifest.kind !== "directory") return [manifest.path];
  return [`${manifest.path}/`, ...manifest.entries.flatMap(pathsOf)];
}

const badSource = (message: string) => ({ code: "BAD_SOURCE", message: expect.stringContaining(message) });

describe("which ignore file counts", () => {
  test(".obuilderignore, and .dockerignore where that is missing", async () => {
    await using setting = await source({ ".dockerignore": "a", a: "", b: "" });
    expect(await setting.copied()).toEqual(["/", ".dockerignore", "b"]);
    await writeFile(join(setting.sourceDirectory, ".obuilderignore"), "b");
    expect(await setting.copied()).toEqual(["/", ".dockerignore", ".obuilderignore", "a"]);
    await writeFile(join(setting.sourceDirectory, ".obuilderignore"), "# nothing\n");
    expect(await setting.copied()).toContain("b");
  });

  test("none below the source directory", async () => {
    await using setting = await source({ "d/.dockerignore": "x", "d/x": "" });
    expect(await setting.copied()).toContain("d/x");
  });

  test("another one, or none, where the request says so", async () => {
    await using setting = await source({ ".dockerignore": "a", a: "" });
    const other = join(setting.path, "other");
    await writeFile(other, "b");
    expect(await loadIgnoreRules(setting.sourceDirectory, other)).toMatchObject({
      patterns: [{ text: "b" }],
    });
    expect(await loadIgnoreRules(setting.sourceDirectory, false)).toBeUndefined();
    await rm(other);
    await expect(loadIgnoreRules(setting.sourceDirectory, other)).rejects.toMatchObject(
      badSource("does not exist"),
    );
  });

  test("a link to one is followed within the source directory only", async () => {
    await using setting = await source({ "d/patterns": "a", a: "" });
    const link = join(setting.sourceDirectory, ".dockerignore");
    await symlink("d/patterns", link);
    expect(await setting.copied()).toEqual(["/", ".dockerignore", "d/", "d/patterns"]);
    await rm(link);
    await writeFile(join(setting.path, "secret"), "a");
    await symlink("../secret", link);
    await expect(setting.load()).rejects.toMatchObject(badSource("leads out of the source directory"));
    await rm(link);
    await symlink("nothing", link);
    await expect(setting.load()).rejects.toMatchObject(badSource("does not exist"));
  });

  test.each<[string, (path: string) => Promise<void> | void, string]>([
    ["a directory", (path) => mkdir(path), "is not a file"],
    ["a FIFO", makeFifo, "is not a file"],
    ["a link to a device", (path) => symlink("/dev/zero", path), "leads out of"],
    [
      "a huge file",
      async (path) => {
        await writeFile(path, "");
        await truncate(path, (1 << 20) + 1);
      },
      "larger than 1 MiB",
    ],
  ])("%s is an error", async (_, make, message) => {
    await using setting = await source({ ".dockerignore": "a" });
    await make(join(setting.sourceDirectory, ".obuilderignore"));
    await expect(setting.load()).rejects.toMatchObject(badSource(message));
  });
});

describe("an ignored", () => {
  test("directory is not read, unless an exception may be in it", async () => {
    await using setting = await source({ ".dockerignore": "d\n!e/keep\n!*.md\n", "d/x/y": "", a: "" });
    // It would be an error in a directory that is read.
    makeFifo(join(setting.sourceDirectory, "d/pipe"));
    expect(await setting.copied()).toEqual(["/", ".dockerignore", "a"]);
    await writeFile(join(setting.sourceDirectory, ".dockerignore"), "d\n!d/x\n");
    expect(await setting.copied()).toEqual(["/", ".dockerignore", "a", "d/", "d/x/", "d/x/y"]);
    await writeFile(join(setting.sourceDirectory, ".dockerignore"), "d\n!d/none\n");
    expect(await setting.copied()).toEqual(["/", ".dockerignore", "a"]);
  });

  test("ignore file is not copied, and still counts", async () => {
    await using setting = await source({ ".dockerignore": "a\n.dockerignore", a: "", b: "" });
    expect(await setting.copied()).toEqual(["/", "b"]);
  });

  test("source is an error that names the file, the line and the pattern", async () => {
    await using setting = await source({
      ".dockerignore": "# x\n*.txt\nd\n!d/keep",
      "a.txt": "",
      "d/x": "",
      "d/keep": "",
    });
    await expect(setting.copied("a.txt")).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: '"a.txt" is ignored: .dockerignore, line 2, has the pattern "*.txt".',
      hint: 'Change the pattern, or add "!a.txt" in a line below it.',
    });
    await expect(setting.copied("./d//x")).rejects.toMatchObject(
      badSource('"d/x" is ignored: .dockerignore, line 3'),
    );
    expect(await setting.copied("d/keep")).toEqual(["d/keep"]);
    expect(await setting.copied("d")).toEqual(["d/", "d/keep"]);
    expect(await setting.copied("d", ["keep"]).catch(({ message }) => message)).toContain('"d" is ignored');
  });

  test("name that is not UTF-8 is compared by its bytes", async () => {
    await using setting = await source({ b: "" });
    const bytes = Buffer.from([0x61, 0xff]);
    await writeFile(Buffer.concat([Buffer.from(`${setting.sourceDirectory}/`), bytes]), "");
    await writeFile(join(setting.sourceDirectory, ".dockerignore"), bytes);
    expect(await setting.copied()).toEqual(["/", ".dockerignore", "b"]);
  });
});

describe("the id of a copy", () => {
  const copy = "((from base) (copy (src .) (dst /s/)))";
  const planned = async (sourceDirectory: string, ignoreFile?: string | false) => {
    const store = new MemoryStore({ images: ["base"] });
    return await planBuild({ store }, { ...request(copy), sourceDirectory, ignoreFile }, { sizes: true });
  };

  test("is that of the files that are left, as if the others were not there", async () => {
    await using all = await source({ a: "", "b.log": "" });
    await using one = await source({ a: "" });
    const patterns = join(all.path, "patterns");
    await writeFile(patterns, "*.log");
    const [ignored, left, everything] = [
      await planned(all.sourceDirectory, patterns),
      await planned(one.sourceDirectory),
      await planned(all.sourceDirectory),
    ].map((steps) => steps.at(-1));
    expect(ignored).toEqual(left);
    expect(everything?.id).not.toBe(left?.id);
    expect(ignored?.size).toEqual({ files: 1, bytes: 0, largest: [{ path: "a", bytes: 0 }] });
  });

  test("needs no ignore file where nothing is copied from the source directory", async () => {
    await using setting = await source({ ".dockerignore": "[" });
    const steps = planBuild(
      { store: new MemoryStore({ images: ["base"] }) },
      { ...request("((from base) (run (shell x)))"), sourceDirectory: setting.sourceDirectory },
    );
    await expect(steps).resolves.toHaveLength(2);
    await expect(planned(setting.sourceDirectory)).rejects.toMatchObject(badSource(".dockerignore:1"));
  });

  test("a plan names the five largest files", async () => {
    const files = Object.fromEntries([1, 2, 3, 4, 5, 6].map((size) => [`d/f${size}`, "x".repeat(size)]));
    await using setting = await source(files);
    const size = (await planned(setting.sourceDirectory)).at(-1)?.size;
    expect(size).toMatchObject({ files: 6, bytes: 21 });
    expect(size?.largest.map(({ path }) => path)).toEqual(["d/f6", "d/f5", "d/f4", "d/f3", "d/f2"]);
  });
});
