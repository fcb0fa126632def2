import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@ob/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFifo } from "./fifo.test.helper.ts";
import { generateManifest, type ManifestOptions } from "./manifest.ts";

let sourceDirectory = "";
beforeEach(async () => {
  sourceDirectory = await mkdtemp(join(tmpdir(), "ob-manifest-"));
});
afterEach(async () => {
  await rm(sourceDirectory, { recursive: true });
});

async function put(path: string | Buffer, contents = ""): Promise<void> {
  await writeFile(Buffer.concat([Buffer.from(`${sourceDirectory}/`), Buffer.from(path)]), contents);
}

async function manifest(source: string, options: Partial<ManifestOptions> = {}) {
  return await generateManifest(source, { sourceDirectory, ...options });
}

test("a file is described by its digest", async () => {
  await put("top", "text\n");
  expect(await manifest("top")).toEqual({ kind: "file", path: "top", sha256: sha256("text\n") });
});

test("a directory's entries are sorted by the bytes of their names", async () => {
  for (const name of ["b", "a b", "ü", "Z", "\u{1F642}", "\uFF5E", "a"]) await put(name);
  const tree = await manifest(".");
  // In UTF-16 the smiley would come before the wide tilde.
  expect(tree.kind === "directory" && tree.entries.map(({ path }) => path)).toEqual([
    "Z",
    "a",
    "a b",
    "b",
    "ü",
    "\uFF5E",
    "\u{1F642}",
  ]);
});

test("a name that is not UTF-8 keeps its bytes", async () => {
  await put(Buffer.from([0x61, 0xff, 0x62]), "odd");
  expect(await manifest(".")).toEqual({
    kind: "directory",
    path: "",
    entries: [{ kind: "file", path: "a\uDCFFb", sha256: sha256("odd") }],
  });
  expect(await manifest("a\uDCFFb")).toMatchObject({ kind: "file", path: "a\uDCFFb" });
});

test("many files, small and large, each have their own digest", async () => {
  const files = Array.from(
    { length: 300 },
    (_, index) => [`f${index}`, `${index} `.repeat(index * 10)] as const,
  );
  const all = [...files, ["large1", "1".repeat(1 << 21)], ["large2", "2".repeat(1 << 20)]] as const;
  for (const [name, contents] of all) await put(name, contents);
  const tree = await manifest(".");
  const found = tree.kind === "directory" ? tree.entries : [];
  const digests = found.flatMap((entry) => (entry.kind === "file" ? [[entry.path, entry.sha256]] : []));
  expect(Object.fromEntries(digests)).toEqual(
    Object.fromEntries(all.map(([name, contents]) => [name, sha256(contents)])),
  );
});

test("links are described, not followed, wherever they lead", async () => {
  await mkdir(join(sourceDirectory, "dir"));
  await symlink("dir", join(sourceDirectory, "to-dir"));
  await symlink("/nowhere", join(sourceDirectory, "dangling"));
  expect(await manifest("to-dir")).toEqual({ kind: "symlink", path: "to-dir", target: "dir" });
  expect(await manifest("dangling")).toEqual({ kind: "symlink", path: "dangling", target: "/nowhere" });
});

test("empty directories are kept", async () => {
  await mkdir(join(sourceDirectory, "a", "b"), { recursive: true });
  expect(await manifest("a")).toEqual({
    kind: "directory",
    path: "a",
    entries: [{ kind: "directory", path: "a/b", entries: [] }],
  });
});

test.each(["a//b/./c", "./a/b/c", "/a/b/c"])("%s is the path a/b/c", async (source) => {
  await mkdir(join(sourceDirectory, "a", "b"), { recursive: true });
  await put("a/b/c");
  expect(await manifest(source)).toMatchObject({ kind: "file", path: "a/b/c" });
});

test.each(["", ".", "./", "//"])("%j is the source directory itself", async (source) => {
  await put("x");
  expect(await manifest(source)).toMatchObject({ kind: "directory", path: "", entries: [{ path: "x" }] });
});

test("excluded names are left out at any depth, unread, but not if they are the source itself", async () => {
  await mkdir(join(sourceDirectory, "a", ".git"), { recursive: true });
  await put("a/keep");
  makeFifo(join(sourceDirectory, "a", "pipe"));
  const options = { exclude: [".git", "pipe"] };
  expect(await manifest(".", options)).toMatchObject({
    entries: [{ path: "a", entries: [{ path: "a/keep" }] }],
  });
  expect(await manifest("a/.git", options)).toMatchObject({ kind: "directory", path: "a/.git" });
});

test("a file larger than one read has the digest of all of it", async () => {
  const contents = "0123456789".repeat(300_000);
  await put("large", contents);
  expect(await manifest("large")).toMatchObject({ sha256: sha256(contents) });
});

test.each([
  ["..", '".."'],
  ["dir/../b", '".."'],
  ["none", '"none" does not exist'],
  ["dir/none/x", '"dir/none" does not exist'],
  ["file/x", '"file", which is not a directory'],
  ["file/", '"file", which is not a directory'],
  ["link/x", '"link", which is not a directory'],
  ["pipe", '"pipe" is a FIFO'],
  ["nul\0", "does not exist"],
  ["x".repeat(300), "ENAMETOOLONG"],
])("%.20j is an error of the source", async (source, message) => {
  await mkdir(join(sourceDirectory, "dir"));
  await put("file");
  await symlink("dir", join(sourceDirectory, "link"));
  makeFifo(join(sourceDirectory, "pipe"));
  await expect(manifest(source)).rejects.toMatchObject({
    code: "BAD_SOURCE",
    message: expect.stringContaining(message),
  });
});

test("a missing source directory is an error that says so", async () => {
  await expect(manifest(".", { sourceDirectory: join(sourceDirectory, "none") })).rejects.toMatchObject({
    code: "BAD_SOURCE",
    message: expect.stringContaining("does not exist"),
  });
});

test("reading stops when the signal fires", async () => {
  await put("file");
  await expect(manifest(".", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
});
