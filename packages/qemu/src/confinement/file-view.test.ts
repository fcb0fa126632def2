import { existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileView } from "./file-view.ts";

let directory: string;
let disks: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "file-view-"));
  disks = join(directory, "disks");
  await mkdir(join(directory, "vm"));
  await mkdir(disks);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const isRoot = getuid?.() === 0;
const user = isRoot ? { id: 1_900_000_001, readers: 1_900_000_000 } : undefined;

function newView(): FileView {
  return new FileView({ directory: join(directory, "vm"), writableDirectories: [disks], user });
}

function newFile(path: string, text = "text"): string {
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function ownerOf(path: string) {
  const { uid, gid, mode } = statSync(path);
  return { uid, gid, mode: mode & 0o777 };
}

describe("the files that a QEMU sees", () => {
  it("are at their own paths, those to read in a tree that is mounted read-only", async () => {
    const view = newView();
    const file = newFile(join(directory, "kernel"));
    view.show({ path: file, access: "read" });
    expect(await readFile(join(view.root, file), "utf8")).toBe("text");
    expect(view.start()).toEqual([
      { kind: "write", source: join(directory, "vm", "write-0"), target: disks },
    ]);
  });

  it("can be more while it runs, but only where it may have disks", async () => {
    const view = newView();
    view.start();
    view.show({ path: newFile(join(disks, "disk")), access: "write" });
    expect(await readFile(join(directory, "vm", "write-0", "disk"), "utf8")).toBe("text");
    const elsewhere = newFile(join(directory, "elsewhere"));
    expect(() => view.show({ path: elsewhere, access: "write" })).toThrow(
      expect.objectContaining({ code: "TOOL_FAILED" }),
    );
  });

  it("are mounted when it starts if they are in no directory for disks", () => {
    const view = newView();
    const file = newFile(join(directory, "disk"));
    view.show({ path: file, access: "write" });
    expect(view.start()).toContainEqual({ kind: "write", source: file, target: file });
    expect(() => view.show({ path: file, access: "write" })).not.toThrow();
  });

  it("are those at the ends of symbolic links, and not the links", async () => {
    const view = newView();
    await symlink(newFile(join(directory, "real")), join(directory, "link"));
    view.show({ path: join(directory, "link"), access: "read" });
    expect(await readFile(join(view.root, directory, "link"), "utf8")).toBe("text");
  });

  it("are the newest: a disk can have been replaced by one of the same contents", async () => {
    const view = newView();
    const file = newFile(join(directory, "layer"), "long chain");
    view.show({ path: file, access: "read" });
    renameSync(newFile(join(directory, "flat"), "flattened"), file);
    view.show({ path: file, access: "read" });
    expect(await readFile(join(view.root, file), "utf8")).toBe("flattened");
  });

  it("that do not exist are left to QEMU", () => {
    const view = newView();
    view.show({ path: "/no/such/file", access: "read" });
    expect(existsSync(join(view.root, "no"))).toBe(false);
  });
});

describe.skipIf(!isRoot)("what root lends to a VM's user", () => {
  it("is given back when QEMU has closed it, and then no longer seen, even if it was renamed", () => {
    const view = newView();
    const file = newFile(join(disks, "disk"));
    const before = ownerOf(file);
    view.show({ path: file, access: "write" });
    expect(ownerOf(file)).toEqual({ uid: user?.id, gid: user?.id, mode: 0o600 });
    renameSync(file, join(disks, "layer"));
    view.hide(file);
    expect(ownerOf(join(disks, "layer"))).toEqual(before);
    expect(existsSync(join(directory, "vm", "write-0", "disk"))).toBe(false);
  });

  it("is given back at the end at the latest; a disk that was removed is no failure", async () => {
    const view = newView();
    const [kept, mounted, removed] = ["kept", "../mounted", "../removed"].map((name) =>
      newFile(join(disks, name)),
    );
    const paths = [kept, mounted, removed].filter((path) => path !== undefined);
    for (const path of paths) view.show({ path, access: "write" });
    await rm(removed ?? "");
    view.close();
    expect(paths.slice(0, 2).map((path) => ownerOf(path).uid)).toEqual([0, 0]);
  });

  it("is readable for VMs only, and not writable, if several VMs share it", () => {
    const view = newView();
    const layer = newFile(join(directory, "layer"));
    view.show({ path: layer, access: "read" });
    view.close();
    expect(ownerOf(layer)).toEqual({ uid: 0, gid: user?.readers, mode: 0o640 });
  });

  it("is given back also if QEMU only reads it, if it is not the store's", () => {
    const view = newView();
    const file = newFile(join(directory, "disc"));
    const before = ownerOf(file);
    view.show({ path: file, access: "read", borrowed: true });
    expect(ownerOf(file)).toEqual({ uid: 0, gid: user?.readers, mode: 0o640 });
    view.close();
    expect(ownerOf(file)).toEqual(before);
  });

  it("is not a file that any user may read", () => {
    const view = newView();
    writeFileSync(join(directory, "public"), "", { mode: 0o644 });
    view.show({ path: join(directory, "public"), access: "read" });
    expect(ownerOf(join(directory, "public"))).toEqual({ uid: 0, gid: 0, mode: 0o644 });
  });
});
