import { execFileSync } from "node:child_process";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { ArchivedDirectory, GuestOwner, OpenArchiveOptions } from "@ob/core";
import { extract, type Header } from "tar-stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { generateManifest } from "../source/manifest.ts";
import { sourceArchive, type Transfer } from "./source-archive.ts";

let directory = "";
let sourceDirectory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-tar-"));
  sourceDirectory = join(directory, "source");
  await mkdir(sourceDirectory);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function put(path: string, contents = ""): Promise<void> {
  await mkdir(join(sourceDirectory, path, ".."), { recursive: true });
  await writeFile(join(sourceDirectory, path), contents);
}

async function transfer(sources: readonly string[], destination: string): Promise<Transfer> {
  const manifests = await Promise.all(sources.map((source) => generateManifest(source, { sourceDirectory })));
  return { sourceDirectory, manifests, destination, user: undefined };
}

const superuser: GuestOwner = { uid: 0, gid: 0 };

async function archived(from: Transfer, options: OpenArchiveOptions = { owner: superuser }): Promise<Buffer> {
  return await buffer(sourceArchive(from, options));
}

/** The headers of an archive, as another reader sees them. */
async function headers(from: Transfer, owner?: GuestOwner): Promise<readonly Header[]> {
  const found: Header[] = [];
  const reader = extract();
  reader.on("entry", (header, body, next) => {
    found.push(header);
    body.on("end", next).resume();
  });
  const { promise: read, resolve, reject } = Promise.withResolvers<void>();
  reader.on("finish", resolve).on("error", reject);
  reader.end(await archived(from, { owner }));
  await read;
  return found;
}

async function names(from: Transfer): Promise<readonly string[]> {
  return (await headers(from)).map(({ name }) => name);
}

/** Unpacks with GNU tar, as the guest does, and returns where. */
async function unpack(from: Transfer, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const root = await mkdtemp(join(directory, "root-"));
  const archive = await archived(from);
  execFileSync("tar", ["-xf", "-", "-C", root], { input: archive, env: { ...process.env, ...env } });
  return root;
}

test("an item in a directory keeps its name", async () => {
  await put("a/x");
  await put("top");
  expect(await names(await transfer(["top", "a"], "/opt/"))).toEqual(["opt/top", "opt/a/", "opt/a/x"]);
});

test("a single item gets the destination's name, a directory with its contents", async () => {
  await put("a/x");
  expect(await names(await transfer(["a"], "/opt/b"))).toEqual(["opt/b/", "opt/b/x"]);
  expect(await names(await transfer(["a/x"], "/opt/b"))).toEqual(["opt/b"]);
});

test("no path has a dot, however the destination is written", async () => {
  await put("a/x");
  expect(await names(await transfer(["."], "/src/."))).toEqual(["src/", "src/a/", "src/a/x"]);
  expect(await names(await transfer(["."], "/src/./b//"))).toEqual(["src/b/", "src/b/a/", "src/b/a/x"]);
  expect(await names(await transfer(["a"], "/src/../b"))).toEqual(["b/", "b/x"]);
});

test("a file that is copied to the dot goes into that directory", async () => {
  await put("x");
  expect(await names(await transfer(["x"], "/src/."))).toEqual(["src/x"]);
});

test("the guest's root directory itself is never in the archive", async () => {
  await put("x");
  expect(await names(await transfer(["."], "/"))).toEqual(["x"]);
  expect(await names(await transfer(["."], "/../"))).toEqual(["x"]);
});

test("modes, owner and times are set, and nothing else is taken from the source", async () => {
  await put("run.sh");
  await put("data");
  await chmod(join(sourceDirectory, "run.sh"), 0o4710);
  await chmod(join(sourceDirectory, "data"), 0o666);
  await utimes(join(sourceDirectory, "data"), 1_000_000, 1_000_000.9);
  await symlink("data", join(sourceDirectory, "link"));
  const found = await headers(await transfer(["."], "/d"), { uid: 1000, gid: 2000 });
  expect(
    found.map(({ name, mode, uid, gid, type, linkname }) => ({ name, mode, uid, gid, type, linkname })),
  ).toEqual(
    [
      { name: "d/", mode: 0o755, type: "directory", linkname: null },
      { name: "d/data", mode: 0o644, type: "file", linkname: null },
      { name: "d/link", mode: 0o777, type: "symlink", linkname: "data" },
      { name: "d/run.sh", mode: 0o755, type: "file", linkname: null },
    ].map((entry) => expect.objectContaining({ ...entry, uid: 1000, gid: 2000 })),
  );
  expect(found[1]?.mtime).toEqual(new Date(1_000_000_000));
});

test("without an owner no entry has one, and parents are left out", async () => {
  await put("x");
  const found = await headers(await transfer(["x"], "/a/b/"));
  expect(found).toMatchObject([{ name: "a/b/x", uid: 0, gid: 0, pax: null }]);
});

test("the parents of the destination have the owner, once each, with the time of the first source", async () => {
  await put("x");
  await put("y");
  await utimes(join(sourceDirectory, "x"), 1_000_000, 1_000_000);
  const found = await headers(await transfer(["x", "y"], "/a/b/"), { uid: 7, gid: 8 });
  expect(found.map(({ name }) => name)).toEqual(["a/", "a/b/", "a/b/x", "a/b/y"]);
  const mtime = new Date(1_000_000_000);
  expect(found.slice(0, 2)).toEqual(
    [0, 1].map(() => expect.objectContaining({ type: "directory", mode: 0o755, uid: 7, gid: 8, mtime })),
  );
});

test("each directory of the archive except the root is reported, as bytes", async () => {
  await mkdir(Buffer.concat([Buffer.from(`${sourceDirectory}/`), Buffer.from([0xff])]));
  await put("d/e/x");
  await symlink("d", join(sourceDirectory, "d/link"));
  const told = async (destination: string) => {
    const paths: string[] = [];
    const onDirectory = ({ path, isParent }: ArchivedDirectory) =>
      void paths.push(`${isParent ? "/" : ""}${Buffer.from(path).toString("latin1")}`);
    await archived(await transfer(["."], destination), { owner: superuser, onDirectory });
    return paths;
  };
  expect(await told("/a/b/.")).toEqual(["/a", "a/b", "a/b/d", "a/b/d/e", "a/b/\u00ff"]);
  expect(await told("/")).toEqual(["d", "d/e", "\u00ff"]);
});

test("ids that do not fit the header are not cut", async () => {
  await put("x");
  const owner = { uid: 4_000_000_000, gid: 2_097_152 };
  const archive = await archived(await transfer(["x"], "/x"), { owner });
  const listing = execFileSync("tar", ["-tvf", "-", "--numeric-owner"], { input: archive }).toString();
  expect(listing).toContain("4000000000/2097152");
});

test("GNU tar restores long and odd names, and odd links", async () => {
  const long = `${"d".repeat(120)}/${"f".repeat(200)}`;
  await put(long, "long");
  await put("a b/ü \u{1F642}\n", "odd");
  await symlink("l".repeat(150), join(sourceDirectory, "long-link"));
  await symlink("ü", join(sourceDirectory, "utf8-link"));
  const bytes = Buffer.concat([Buffer.from(`${sourceDirectory}/raw-`), Buffer.from([0xff, 0xfe])]);
  await writeFile(bytes, "raw");
  await symlink(Buffer.from([0xff, 0x2f, 0xfe]), join(sourceDirectory, "raw-link"));
  for (const LC_ALL of ["C", "C.UTF-8"]) {
    const root = await unpack(await transfer(["."], "/r"), { LC_ALL });
    expect(await readFile(join(root, "r", long), "utf8")).toBe("long");
    expect(await readFile(join(root, "r/a b/ü \u{1F642}\n"), "utf8")).toBe("odd");
    expect(await readlink(join(root, "r/long-link"))).toBe("l".repeat(150));
    expect(await readlink(join(root, "r/utf8-link"))).toBe("ü");
    expect(await readlink(join(root, "r/raw-link"), { encoding: "buffer" })).toEqual(
      Buffer.from([0xff, 0x2f, 0xfe]),
    );
    const unpacked = await readdir(join(root, "r"), { encoding: "buffer" });
    expect(unpacked.map((name) => name.toString("hex"))).toContain(
      Buffer.from("raw-").toString("hex") + "fffe",
    );
  }
});

test("GNU tar creates missing parents", async () => {
  await put("x", "1");
  const root = await unpack(await transfer(["x"], "/a/b/c/"));
  expect(await readFile(join(root, "a/b/c/x"), "utf8")).toBe("1");
});

test("large files are streamed whole", async () => {
  const contents = "0123456789abcdef".repeat(200_000);
  await put("large", contents);
  const root = await unpack(await transfer(["large"], "/"));
  expect(await readFile(join(root, "large"), "utf8")).toBe(contents);
});

test("the archive can be opened again, and is the same", async () => {
  await put("a/x", "1");
  const from = await transfer(["."], "/s");
  expect(await archived(from)).toEqual(await archived(from));
});

test.each([
  ["small", 10],
  ["large", 2 << 20],
])("a %s file that has changed since it was hashed breaks the archive off", async (_, size) => {
  await put("before");
  await put("file", "a".repeat(size));
  const from = await transfer(["."], "/s");
  const changed = { code: "BAD_SOURCE", message: expect.stringContaining('"file"') };
  await put("file", "b".repeat(size));
  await expect(archived(from)).rejects.toMatchObject(changed);
  await put("file", "a".repeat(size + 1));
  await expect(archived(from)).rejects.toMatchObject(changed);
  await put("file", "a".repeat(size - 1));
  await expect(archived(from)).rejects.toMatchObject(changed);
  await rm(join(sourceDirectory, "file"));
  await symlink("before", join(sourceDirectory, "file"));
  await expect(archived(from)).rejects.toMatchObject(changed);
});

test("a changed link or directory ends it too", async () => {
  await put("d/x");
  await symlink("d", join(sourceDirectory, "link"));
  const from = await transfer(["link"], "/s");
  const fromDirectory = await transfer(["d"], "/s");
  await rm(join(sourceDirectory, "link"));
  await symlink("e", join(sourceDirectory, "link"));
  await expect(archived(from)).rejects.toMatchObject({ code: "BAD_SOURCE" });
  await rm(join(sourceDirectory, "d"), { recursive: true });
  await expect(archived(fromDirectory)).rejects.toMatchObject({ code: "BAD_SOURCE" });
});

test("a reader that stops leaves no file open", async () => {
  await put("large", "x".repeat(8 << 20));
  const from = await transfer(["large"], "/s");
  const path = join(sourceDirectory, "large");
  const archive = sourceArchive(from, { owner: superuser });
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  archive.on("close", resolve);
  for await (const _ of archive) break;
  await closed;
  const { ino } = await stat(path);
  const openFiles = await readdir("/proc/self/fd");
  const inodes = await Promise.all(
    openFiles.map(async (fd) => (await stat(`/proc/self/fd/${fd}`).catch(() => undefined))?.ino),
  );
  expect(inodes).not.toContain(ino);
});
