import { execFile } from "node:child_process";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { noopEmit, ObError } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { moveTree } from "./move-tree.ts";
import { tarArchive, type TarEntry } from "../testing/tar-archive.ts";
import { unpackArchive } from "./unpack-archive.ts";

let root: string;
let out: string;
/** What no archive may touch. */
let outside: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "unpack-"));
  [out, outside] = [join(root, "out"), join(root, "outside")];
  for (const directory of [out, outside]) await mkdir(directory);
  await writeFile(join(outside, "kept"), "kept");
});
afterEach(async () => {
  await promisify(execFile)("chmod", ["-R", "u+rwx", root]);
  await rm(root, { recursive: true });
});

const link = (name: string, linkname: string): TarEntry => ({ name, type: "symlink", linkname });
const twin = (name: string, linkname: string): TarEntry => ({ name, type: "link", linkname });
const folder = (name: string, mode = 0o755): TarEntry => ({ name: `${name}/`, type: "directory", mode });
const file = (name: string | Buffer, text = "text", mode = 0o644): TarEntry => ({ name, text, mode });

async function unpack(archive: Buffer | Readable, signal = new AbortController().signal): Promise<void> {
  const stream = archive instanceof Readable ? archive : Readable.from([archive]);
  try {
    await unpackArchive(stream, { directory: out, signal, emit: noopEmit });
  } finally {
    expect(await readdir(outside)).toEqual(["kept"]);
    expect(await readFile(join(outside, "kept"), "utf8")).toBe("kept");
  }
}
const unpackEntries = async (...entries: readonly TarEntry[]): Promise<void> =>
  await unpack(tarArchive(entries));

const inOut = async (): Promise<readonly string[]> => (await readdir(out, { recursive: true })).toSorted();
const textOf = async (name: string): Promise<string> => await readFile(join(out, name), "utf8");

describe("an archive that is unpacked", () => {
  it("has its files, links, modes and times, and merges into existing directories", async () => {
    await mkdir(join(out, "d"), { mode: 0o750 });
    await writeFile(join(out, "d/old"), "old");
    await writeFile(join(out, "d/file"), "replaced");
    const mtime = new Date("2001-02-03T04:05:06Z");
    await unpackEntries(
      folder("d", 0o700),
      { ...file("d/file", "new", 0o640), mtime },
      twin("d/twin", "d/file"),
      link("d/link", "../../anywhere"),
      { ...folder("new", 0o751), mtime },
      file("new/x"),
    );
    expect(await inOut()).toEqual(["d", "d/file", "d/link", "d/old", "d/twin", "new", "new/x"]);
    expect(await textOf("d/file")).toBe("new");
    const [made, same] = [await stat(join(out, "d/file")), await stat(join(out, "d/twin"))];
    expect([made.mode & 0o7777, made.mtime, made.ino]).toEqual([0o640, mtime, same.ino]);
    expect(await readlink(join(out, "d/link"))).toBe("../../anywhere");
    expect((await stat(join(out, "d"))).mode & 0o7777).toBe(0o750);
    const directory = await stat(join(out, "new"));
    expect([directory.mode & 0o7777, directory.mtime]).toEqual([0o751, mtime]);
  });

  it("keeps the old file for its other hard links", async () => {
    await writeFile(join(out, "file"), "old");
    await symlink("file", join(out, "name"));
    await unpackEntries(file("name", "new"));
    expect([await textOf("file"), await textOf("name")]).toEqual(["old", "new"]);
    expect((await lstat(join(out, "name"))).isSymbolicLink()).toBe(false);
  });

  it("is unpacked through a destination that is a link", async () => {
    const real = out;
    out = join(root, "by-link");
    await symlink(real, out);
    await unpackEntries(folder("d"), file("d/x"));
    expect(await readdir(join(real, "d"))).toEqual(["x"]);
  });

  it("has names of any bytes", async () => {
    const names = ["-rf", "two\nlines", "\u001b]0;title\u0007"];
    const bytes = Buffer.from("caf\xe9", "latin1");
    const plain = tarArchive([
      folder("d"),
      ...names.map((name) => file(`d/${name}`)),
      file(Buffer.concat([Buffer.from("d/"), bytes])),
    ]);
    for (let time = 0; time < 2; time++) await unpack(plain);
    const found = await readdir(Buffer.from(join(out, "d")), { encoding: "buffer" });
    const wanted = [...names.map((name) => Buffer.from(name)), bytes];
    expect(found.map((name) => name.toString("latin1")).toSorted()).toEqual(
      wanted.map((name) => name.toString("latin1")).toSorted(),
    );
  });

  it("does not grant the rights of the user who copies", async () => {
    await unpackEntries(file("tool", "", 0o6755));
    expect((await stat(join(out, "tool"))).mode & 0o7777).toBe(0o755);
  });

  it("and a concurrent one are both unpacked", async () => {
    const names = Array.from({ length: 40 }, (_, index) => `shared/${index % 5}`);
    const archives = ["a", "b", "c"].map((who) =>
      tarArchive(names.flatMap((name, index) => [folder(name), file(`${name}/${who}${index}`)])),
    );
    await Promise.all(archives.map((archive) => unpack(archive)));
    const files = (await inOut()).filter((name) => /^shared\/\d\/[abc]\d+$/.test(name));
    expect(files).toHaveLength(120);
    expect(await readdir(out)).toEqual(["shared"]);
  });
});

describe("an archive with paths out of the directory leaves nothing", () => {
  const away = (): string => outside;
  it.each<[string, () => readonly TarEntry[]]>([
    ["through a link to a directory", () => [link("x", away()), file("x/new")]],
    ["through a link up", () => [link("x", "../outside"), file("x/new")]],
    ["through two links", () => [folder("d"), link("d/y", ".."), link("x", "d/y/../outside"), file("x/new")]],
    ["by a directory in a link", () => [link("l", away()), folder("l/d")]],
    ["by a hard link", () => [twin("x", `${away()}/kept`)]],
    ["by a hard link up", () => [twin("x", "../outside/kept")]],
    ["by a hard link through a link", () => [link("l", away()), twin("x", "l/kept"), file("x", "changed")]],
    ["by a hard link to nothing of its own", () => [twin("x", "../first"), twin("y", "missing")]],
    ["by a device", () => [file("a"), { name: "null", type: "device" }]],
    ["by a pipe", () => [file("a"), folder("d"), { name: "d/pipe", type: "pipe" }]],
    ["by dots", () => [file("a"), file("../outside/new")]],
  ])("%s", async (_, entries) => {
    await expect(unpackEntries(file("first"), ...entries())).rejects.toMatchObject({ code: "BAD_SOURCE" });
    expect(await inOut()).toEqual([]);
  });

  it("an absolute name is put below the destination", async () => {
    await unpackEntries(file(`${outside}/new`));
    expect((await inOut()).at(-1)).toBe(join(outside, "new").slice(1));
  });

  it("through a link of an earlier archive", async () => {
    await unpackEntries(link("x", outside), folder("d"), link("d/y", "../../outside"));
    const before = await inOut();
    for (const entries of [
      [file("a"), file("x/new")],
      [file("a"), folder("x", 0o700), file("x/kept", "changed")],
      [file("a"), folder("d"), file("d/y/kept", "changed")],
    ]) {
      await expect(unpackEntries(...entries)).rejects.toMatchObject({
        code: "USAGE",
        message: expect.stringMatching(/\/[xy] is a symbolic link, and the copy has a directory there/),
      });
    }
    expect(await inOut()).toEqual(before);
    await unpackEntries(file("x", "a file now"));
    expect(await textOf("x")).toBe("a file now");
  });
});

describe("an existing file or directory", () => {
  it.each<[string, readonly TarEntry[], string]>([
    ["a file where a directory is", [file("a"), file("d")], "d is a directory, and the copy has a file"],
    [
      "a link where a directory is",
      [file("a"), link("d", "x")],
      "is a directory, and the copy has a symbolic link",
    ],
    ["a directory where a file is", [file("a"), file("d/f/x")], "f is a file, and the copy has a directory"],
  ])("is kept, as all else: %s", async (_, entries, message) => {
    await mkdir(join(out, "d"));
    await writeFile(join(out, "d/f"), "old");
    await expect(unpackEntries(...entries)).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(message),
    });
    expect(await inOut()).toEqual(["d", "d/f"]);
    expect(await textOf("d/f")).toBe("old");
  });
});

describe("an incomplete archive leaves nothing", () => {
  const archive = tarArchive([folder("d", 0o555), file("d/a"), file("b", "b".repeat(3000))]);

  it.each([0, 100, 512, 1024, 1536, 3000, 5000])("cut off after %i bytes", async (length) => {
    expect(archive.length).toBeGreaterThan(length + 1024);
    await expect(unpack(archive.subarray(0, length))).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: expect.stringMatching(/Nothing was copied/),
    });
    expect(await inOut()).toEqual([]);
  });

  it("of other bytes", async () => {
    await expect(
      unpack(Buffer.concat([Buffer.alloc(4096, "no tar"), Buffer.alloc(1024)])),
    ).rejects.toMatchObject({
      code: "BAD_SOURCE",
    });
    expect(await inOut()).toEqual([]);
  });

  it("that fails has its own error", async () => {
    const reason = new Error("the guest is gone");
    async function* failing() {
      yield archive.subarray(0, 2000);
      await delay(20);
      throw reason;
    }
    await expect(unpack(Readable.from(failing()))).rejects.toBe(reason);
    expect(await inOut()).toEqual([]);
  });

  it("that never ends, once the disk gets full", async () => {
    async function* endless() {
      yield tarArchive([folder("d"), file("d/a")]).subarray(0, 1024 + 512);
      for (;;) yield tarArchive([file("big", "b".repeat(1 << 20))]).subarray(0, -1024);
    }
    let bytes = 0;
    const full = new ObError("NO_SPACE", "full");
    const add = async (more: number): Promise<void> => {
      bytes += more;
      if (bytes > 20 << 20) throw full;
    };
    const options = { directory: out, signal: new AbortController().signal, emit: noopEmit, space: { add } };
    await expect(unpackArchive(Readable.from(endless()), options)).rejects.toBe(full);
    expect(await inOut()).toEqual([]);
  });

  it("that is cancelled", async () => {
    const long = tarArchive([folder("d", 0o555), file("d/a"), file("b", "b".repeat(100_000))]);
    const controller = new AbortController();
    async function* stalling() {
      yield long.subarray(0, 50_000);
      while ((await inOut()).every((name) => !name.endsWith("/a"))) await delay(5);
      controller.abort();
      await new Promise(() => undefined);
    }
    await expect(unpack(Readable.from(stalling()), controller.signal)).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(await inOut()).toEqual([]);
  });
});

describe("without the rights of root", () => {
  const nobody = 65_534;
  /** Does something as a user who is not root. */
  async function asNobody(work: () => Promise<void>): Promise<void> {
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) {
      for (const path of [root, out, outside]) await chown(path, nobody, nobody);
      process.seteuid?.(nobody);
    }
    try {
      await work();
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  }

  it("read-only directories are moved, merged and removed", async () => {
    const entries = [
      folder("d"),
      folder("d/r", 0o555),
      file("d/r/x"),
      folder("d/none", 0o000),
      folder("d/r/in", 0o500),
    ];
    await asNobody(async () => {
      await unpackEntries(...entries);
      for (const [name, mode] of [
        ["d/r", 0o555],
        ["d/r/in", 0o500],
        ["d/none", 0o000],
      ] as const) {
        expect((await stat(join(out, name))).mode & 0o7777).toBe(mode);
      }
      for (const name of ["d/r", "d/none", "d/r/in"]) await chmod(join(out, name), 0o755);
      await unpackEntries(...entries, file("d/r/in/y"));
      await expect(unpackEntries(folder("z", 0o555), folder("z/z", 0o555), file("d"))).rejects.toMatchObject({
        code: "USAGE",
      });
    });
    expect(await inOut()).toEqual(["d", "d/none", "d/r", "d/r/in", "d/r/in/y", "d/r/x"]);
  });

  it("a read-only directory is an error before anything is copied", async ({ skip }) => {
    if (process.getuid?.() === 0) return skip("root may write to every directory");
    await unpackEntries(folder("d"), folder("d/r", 0o555));
    await expect(unpackEntries(file("a"), folder("d"), file("d/r/x"))).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(`Nothing can be copied to ${out}/d/r`),
    });
    expect(await inOut()).toEqual(["d", "d/r"]);
  });

  it("a read-only destination is an error that says so", async () => {
    await asNobody(async () => {
      await chmod(out, 0o555);
      await expect(unpackEntries(file("x"))).rejects.toMatchObject({
        code: "USAGE",
        message: expect.stringContaining(`Nothing can be copied to ${out}`),
      });
    });
  });
});

describe("to another file system", () => {
  it("files, links and directories keep their modes and times", async ({ skip }) => {
    const there = await mkdtemp("/dev/shm/unpack-").catch(() => undefined);
    const other = there !== undefined && (await stat(there)).dev !== (await stat(root)).dev;
    if (!other) return skip("there is no second file system at /dev/shm");
    try {
      await unpackEntries(
        folder("d"),
        { ...folder("d/e", 0o711), mtime: new Date(5000) },
        file("d/e/x", "x", 0o640),
      );
      await unpackEntries(link("d/link", "nowhere"));
      await mkdir(join(there, "d"));
      await writeFile(join(there, "d/link"), "replaced");
      await moveTree(out, there);
      const made = await stat(join(there, "d/e"));
      expect([made.mode & 0o7777, made.mtime]).toEqual([0o711, new Date(5000)]);
      expect((await stat(join(there, "d/e/x"))).mode & 0o7777).toBe(0o640);
      expect(await readlink(join(there, "d/link"))).toBe("nowhere");
      expect((await readdir(there, { recursive: true })).toSorted()).toEqual(["d", "d/e", "d/e/x", "d/link"]);
    } finally {
      await rm(there, { recursive: true });
    }
  });
});
