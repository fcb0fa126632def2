import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile, chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { ArchivedDirectory, EphemeralGuest, ObEvent } from "@ob/core";
import { extract, type Header, pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { layerArchive, type LayerArchiveOptions } from "./layer-archive.ts";

let directory = "";
let guest = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-layer-"));
  guest = join(directory, "guest");
  await mkdir(guest);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function put(path: string, contents: string | Buffer = "", mode = 0o644): Promise<void> {
  await mkdir(join(guest, path, ".."), { recursive: true });
  await writeFile(join(guest, path), contents);
  await chmod(join(guest, path), mode);
}

/** GNU tar as a guest has it, on a directory of the host. */
const tarOf = (path: string, words: readonly string[] = ["--owner=7", "--group=8"]): Buffer =>
  execFileSync("tar", [...words, "-cf", "-", "-C", join(guest, path), "."], { maxBuffer: 1 << 24 });

const oneFile = (path: string): Buffer =>
  execFileSync("tar", [
    "--owner=7",
    "--group=8",
    "-cf",
    "-",
    "-C",
    join(guest, path, ".."),
    `./${path.split("/").at(-1)}`,
  ]);

type Options = Partial<LayerArchiveOptions> & { readonly archivePath?: string };

/** An ephemeral guest that packs just this. */
function guestWith(archive: Uint8Array): EphemeralGuest {
  return {
    async *readArchive() {
      // In odd pieces, as a connection gives them.
      for (let at = 0; at < archive.length; at += 700) yield archive.subarray(at, at + 700);
    },
    execInteractive: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function rewritten(
  archive: Buffer,
  { archivePath = "opt/x", ...options }: Options = {},
): Promise<Buffer> {
  const rewriting = layerArchive(async () => guestWith(archive), {
    items: [{ path: "/x", archivePath: () => archivePath }],
    owner: { kind: "new", owner: undefined },
    ...options,
  });
  return await buffer(rewriting);
}

async function headersOf(archive: Buffer): Promise<readonly Header[]> {
  const found: Header[] = [];
  const reader = extract();
  reader.end(archive);
  for await (const entry of reader) {
    found.push(entry.header);
    entry.resume();
  }
  return found;
}

const namesOf = async (archive: Buffer) => (await headersOf(archive)).map(({ name }) => name);

/** Unpacks with GNU tar, as the guest does, and returns where. */
async function unpack(archive: Buffer): Promise<string> {
  const root = await mkdtemp(join(directory, "root-"));
  execFileSync("tar", ["-xf", "-", "-C", root], { input: archive });
  return root;
}

describe("the path of an item", () => {
  test("of a directory's entries is below it", async () => {
    await put("a/b");
    await put("c");
    const names = await namesOf(await rewritten(tarOf("")));
    expect(names.toSorted()).toEqual(["opt/x/", "opt/x/a/", "opt/x/a/b", "opt/x/c"]);
  });

  test("of the root has no entry", async () => {
    await put("a");
    expect(await namesOf(await rewritten(tarOf(""), { archivePath: "" }))).toEqual(["a"]);
  });

  test("of a file is the new name", async () => {
    await put("a/old", "contents");
    const root = await unpack(await rewritten(oneFile("a/old"), { archivePath: "new" }));
    expect(await readFile(join(root, "new"), "utf8")).toBe("contents");
  });

  test("keeps the targets of symbolic links, and moves those of hard links", async () => {
    await put("a/one", "shared");
    await link(join(guest, "a/one"), join(guest, "a/two"));
    await symlink("../elsewhere", join(guest, "a/link"));
    const headers = await headersOf(await rewritten(tarOf("")));
    const links = headers.filter(({ type }) => type === "link" || type === "symlink");
    expect(new Map(links.map(({ type, linkname }) => [type, linkname]))).toEqual(
      new Map([
        ["link", expect.stringMatching(/^opt\/x\/a\/(one|two)$/)],
        ["symlink", "../elsewhere"],
      ]),
    );
  });

  test("is computed from what the guest has there", async () => {
    await put("d/f");
    const asked: boolean[] = [];
    const archivePath = (isDirectory: boolean) => `n${asked.push(isDirectory)}`;
    await rewritten(tarOf("d"), { items: [{ path: "/d", archivePath }] });
    await rewritten(oneFile("d/f"), { items: [{ path: "/d/f", archivePath }] });
    expect(asked).toEqual([true, false]);
  });
});

describe("the archive", () => {
  test("has big and small files byte for byte, with modes and times", async () => {
    const big = Buffer.alloc(3_000_001, "0123456789");
    await put("big", big, 0o640);
    await put("small", "s", 0o701);
    const root = await unpack(await rewritten(tarOf("", ["--mtime=@1000000000"])));
    expect((await readFile(join(root, "opt/x/big"))).equals(big)).toBe(true);
    const [bigStat, smallStat] = await Promise.all(["big", "small"].map((n) => stat(join(root, "opt/x", n))));
    expect([bigStat?.mode, smallStat?.mode].map((mode = 0) => mode & 0o777)).toEqual([0o640, 0o701]);
    expect(bigStat?.mtimeMs).toBe(1_000_000_000_000);
  });

  test("keeps names that are long or not UTF-8", async () => {
    const name = Buffer.concat([Buffer.from(`${"long/".repeat(60)}ä-`), Buffer.from([0xff, 0xfe])]);
    const path = Buffer.concat([Buffer.from(`${guest}/`), name]);
    await mkdir(join(guest, "long/".repeat(60)), { recursive: true });
    await writeFile(path, "odd");
    const root = await unpack(await rewritten(tarOf("")));
    expect(await readFile(Buffer.concat([Buffer.from(`${root}/opt/x/`), name]), "utf8")).toBe("odd");
  });

  test("reads the names of a pax header as text", async () => {
    await put("ü".repeat(80));
    const archive = await rewritten(tarOf("", ["--format=pax"]));
    expect(await namesOf(archive)).toContain(`opt/x/${"ü".repeat(80)}`);
  });

  test("drops excluded names at any depth, but not the item itself", async () => {
    for (const path of [".git/config", "a/.git/HEAD", "a/keep", "b/.gitignore"]) await put(path);
    const names = await namesOf(await rewritten(tarOf(""), { exclude: [".git", "x"] }));
    expect(names.toSorted()).toEqual([
      "opt/x/",
      "opt/x/a/",
      "opt/x/a/keep",
      "opt/x/b/",
      "opt/x/b/.gitignore",
    ]);
    expect(await namesOf(await rewritten(oneFile("a/keep"), { exclude: ["keep"] }))).toEqual(["opt/x"]);
  });
});

describe("the owner", () => {
  const owners = async (archive: Buffer) =>
    (await headersOf(archive)).map(({ uid, gid, pax }) => ({ uid, gid, pax: pax ?? undefined }));

  test("is unset, the user of the copy, or the one in the layer", async () => {
    await put("f");
    const archive = oneFile("f");
    expect(await owners(await rewritten(archive))).toEqual([{ uid: 0, gid: 0, pax: undefined }]);
    const owner = { uid: 1000, gid: 2_500_000 };
    const header = (await owners(await rewritten(archive, { owner: { kind: "new", owner } }))).at(-1);
    expect(header).toMatchObject({ uid: 1000, pax: { gid: "2500000" } });
    expect(await owners(await rewritten(archive, { owner: { kind: "same" } }))).toMatchObject([
      { uid: 7, gid: 8 },
    ]);
  });

  test("is also that of parent directories, and all directories are reported", async () => {
    await put("d/f");
    const told: string[] = [];
    const onDirectory = ({ path, isParent }: ArchivedDirectory) =>
      void told.push(`${isParent ? "/" : ""}${Buffer.from(path).toString()}`);
    const items = ["/x", "/y"].map((path) => ({ path, archivePath: () => `opt/in${path}` }));
    const owner = { kind: "new", owner: { uid: 1, gid: 2 }, onDirectory } as const;
    const found = await headersOf(await rewritten(tarOf("", ["--mtime=@5"]), { items, owner }));
    const names = ["opt/", "opt/in/", "opt/in/x/", "opt/in/x/d/", "opt/in/x/d/f"];
    expect(found.map(({ name }) => name)).toEqual([
      ...names,
      ...names.slice(2).map((name) => name.replace("/x/", "/y/")),
    ]);
    expect(found.slice(0, 2)).toEqual(
      [0, 1].map(() => expect.objectContaining({ mode: 0o755, uid: 1, gid: 2, mtime: new Date(5_000) })),
    );
    expect(told).toEqual(["/opt", "/opt/in", "opt/in/x", "opt/in/x/d", "opt/in/y", "opt/in/y/d"]);
  });

  test("loses set-user-id and set-group-id when the owner or group changes", async () => {
    await put("f", "", 0o6755);
    const modes = async (owner: LayerArchiveOptions["owner"]) =>
      (await headersOf(await rewritten(oneFile("f"), { owner, archivePath: "x" }))).map(({ mode }) =>
        mode.toString(8),
      );
    expect(await modes({ kind: "new", owner: undefined })).toEqual(["755"]);
    expect(await modes({ kind: "new", owner: { uid: 7, gid: 0 } })).toEqual(["4755"]);
    expect(await modes({ kind: "new", owner: { uid: 0, gid: 8 } })).toEqual(["2755"]);
    expect(await modes({ kind: "new", owner: { uid: 7, gid: 8 } })).toEqual(["6755"]);
    expect(await modes({ kind: "reader" })).toEqual(["755"]);
    expect(await modes({ kind: "same" })).toEqual(["6755"]);
  });
});

describe("an archive that cannot be trusted", () => {
  const hostile = async (header: Parameters<ReturnType<typeof pack>["entry"]>[0]) => {
    const archive = pack();
    archive.entry({ name: "./", type: "directory" });
    archive.entry(header, "");
    archive.finalize();
    return await buffer(archive);
  };

  test.each(["../up", "a/../../up", "/etc/passwd"])("a name such as %s is refused", async (name) => {
    await expect(rewritten(await hostile({ name }))).rejects.toMatchObject({ code: "BAD_SOURCE" });
    const linking = await hostile({ name: "l", type: "link", linkname: name });
    await expect(rewritten(linking)).rejects.toMatchObject({ code: "BAD_SOURCE" });
  });

  test("one that ends early fails, with the guest's reason if there is one", async () => {
    await put("big", Buffer.alloc(3_000_000));
    const cut = tarOf("").subarray(0, 1_500_000);
    await expect(rewritten(cut)).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: expect.stringContaining("it ends early"),
    });
    await expect(rewritten(Buffer.alloc(4096, "words"))).rejects.toMatchObject({ code: "BAD_SOURCE" });
    const failing: EphemeralGuest = {
      ...guestWith(cut),
      async *readArchive() {
        yield cut;
        throw new Error("the guest is gone");
      },
    };
    const reading = layerArchive(async () => failing, {
      items: [{ path: "/x", archivePath: () => "x" }],
      owner: { kind: "same" },
    });
    await expect(buffer(reading)).rejects.toThrow("the guest is gone");
  });

  test("a broken archive is reported as the guest's", async () => {
    await put("a", Buffer.alloc(3_000_000, "x"));
    await put("b", "small");
    const archive = tarOf("");
    const badHeader = Buffer.from(archive);
    badHeader.write("garbage", 148);
    for (const broken of [
      Buffer.concat([Buffer.from("Welcome!\n"), archive]),
      badHeader,
      archive.subarray(0, 2_000_000),
      archive.subarray(0, 700),
    ]) {
      await expect(rewritten(broken)).rejects.toMatchObject({
        code: "BAD_SOURCE",
        message: expect.stringContaining("The guest's tar wrote a broken archive"),
      });
    }
  });

  test("a hard link to an excluded file is an error, not a broken link", async () => {
    await put("a/one", "shared");
    await put("b/x");
    await link(join(guest, "a/one"), join(guest, "b/two"));
    const archive = execFileSync("tar", ["-cf", "-", "-C", guest, "./", "--sort=name"]);
    await expect(rewritten(archive, { exclude: ["one"] })).rejects.toMatchObject({ code: "BAD_SOURCE" });
  });
});

test("devices and pipes are kept for a guest, and skipped with a warning for a host", async () => {
  execFileSync("mkfifo", [join(guest, "pipe")]);
  const archive = tarOf("");
  expect(await headersOf(await rewritten(archive, { archivePath: "" }))).toMatchObject([
    { name: "pipe", type: "fifo" },
  ]);
  const events: ObEvent[] = [];
  const emit = (event: ObEvent) => void events.push(event);
  expect(await namesOf(await rewritten(archive, { archivePath: "", skipDevices: true, emit }))).toEqual([]);
  expect(events).toMatchObject([{ type: "log", level: "warning", text: expect.stringContaining("pipe") }]);
});
