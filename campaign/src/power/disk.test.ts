import { cp, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOf, seenIn } from "./crashed.ts";
import { Disk } from "./disk.ts";
import type { Change } from "./record.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "ob-disk-"));
  await mkdir(path.join(directory, "old"));
  await writeFile(path.join(directory, "old", "file"), "before");
});
afterAll(() => rm(directory, { recursive: true }));

const at = (name: string): string => path.join(directory, name);
/** Numbers that no file of a test has. */
const [made, madeDirectory] = [2 ** 50, 2 ** 50 + 1];
const inodeOf = async (name: string): Promise<number> => (await stat(at(name))).ino;
const write = (inode: number, text: string): Change => ({
  kind: "write",
  inode,
  offset: 0,
  bytes: Buffer.from(text),
});

async function after(changes: readonly Change[]): Promise<Disk> {
  const disk = (await Disk.read(directory)).copy();
  for (const change of changes) disk.apply(change);
  return disk;
}

const nothing = (): boolean => false;
const old = ["old", new Map([["file", Buffer.from("before")]])] as const;

describe("a crash of the host", () => {
  it("loses what was not flushed", async () => {
    const disk = await after([{ kind: "create", inode: made, path: at("new") }, write(made, "text")]);
    expect(leftOf(disk.root, nothing)).toEqual(new Map([old]));
    expect(seenIn(disk.root)).toEqual(new Map<string, unknown>([old, ["new", Buffer.from("text")]]));
  });

  it("loses the name of a file whose contents were flushed, and not its directory", async () => {
    const file: Change[] = [
      { kind: "create", inode: made, path: at("new") },
      write(made, "text"),
      { kind: "sync", inode: made },
    ];
    expect(leftOf((await after(file)).root, nothing)).toEqual(new Map([old]));
    const both = await after([...file, { kind: "sync", inode: await inodeOf("") }]);
    expect(leftOf(both.root, nothing)).toEqual(new Map<string, unknown>([old, ["new", Buffer.from("text")]]));
  });

  it("leaves a name without contents if only that was flushed", async () => {
    const disk = await after([
      { kind: "create", inode: made, path: at("new") },
      write(made, "text"),
      { kind: "sync", inode: await inodeOf("") },
    ]);
    expect(leftOf(disk.root, nothing).get("new")).toEqual(Buffer.alloc(0));
  });

  it("leaves a rename in both directories or in neither", async () => {
    const move: Change[] = [
      { kind: "mkdir", inode: madeDirectory, path: at("to") },
      { kind: "sync", inode: await inodeOf("") },
      { kind: "rename", path: at("old/file"), to: at("to/file") },
    ];
    const lost = leftOf((await after(move)).root, nothing);
    expect(lost).toEqual(new Map<string, unknown>([old, ["to", new Map()]]));
    const kept = leftOf((await after([...move, { kind: "sync", inode: madeDirectory }])).root, nothing);
    expect(kept).toEqual(
      new Map([
        ["old", new Map()],
        ["to", new Map([["file", Buffer.from("before")]])],
      ]),
    );
  });

  it("keeps any part of a write, by pages", async () => {
    const pages = Buffer.concat([Buffer.alloc(4096, "a"), Buffer.alloc(4096, "b")]);
    const inode = await inodeOf("old/file");
    const disk = await after([{ kind: "write", inode, offset: 0, bytes: pages }]);
    const left = leftOf(disk.root, ({ part }) => part === 1).get("old");
    const file = left instanceof Map ? left.get("file") : undefined;
    expect(file).toEqual(Buffer.concat([Buffer.from("before"), Buffer.alloc(4090), Buffer.alloc(4096, "b")]));
  });

  it("leaves zeros where only the size of a file has survived", async () => {
    const disk = await after([{ kind: "create", inode: made, path: at("new") }, write(made, "text")]);
    const left = leftOf(disk.root, ({ of }) => (of === "entries" ? true : "size"));
    expect(left.get("new")).toEqual(Buffer.alloc(4));
  });

  it("leaves zeros where a file was cut and has grown again", async () => {
    const inode = await inodeOf("old/file");
    const disk = await after([
      { kind: "resize", inode, size: 2 },
      { kind: "resize", inode, size: 6 },
    ]);
    const cut = new Map([["file", Buffer.from("be\0\0\0\0")]]);
    expect(seenIn(disk.root)).toEqual(new Map([["old", cut]]));
    expect(leftOf(disk.root, () => true)).toEqual(new Map([["old", cut]]));
  });

  it("is the same on the copy of a directory, whose files have other numbers", async () => {
    const copy = `${directory}-copy`;
    await cp(directory, copy, { recursive: true });
    const inodes = new Map([["", await inodeOf("")]]);
    for (const name of ["old", "old/file"]) inodes.set(name, await inodeOf(name));
    const disk = await Disk.readCopy(copy, { of: directory, inodes });
    await rm(copy, { recursive: true });
    disk.apply(write(await inodeOf("old/file"), "BE"));
    disk.apply({ kind: "sync", inode: await inodeOf("old/file") });
    expect(leftOf(disk.root, nothing)).toEqual(
      new Map([["old", new Map([["file", Buffer.from("BEfore")]])]]),
    );
  });

  it("does not bring back a name that was removed for certain", async () => {
    const disk = await after([
      { kind: "remove", path: at("old/file") },
      { kind: "sync", inode: await inodeOf("old") },
    ]);
    expect(leftOf(disk.root, () => true)).toEqual(new Map([["old", new Map()]]));
  });
});
