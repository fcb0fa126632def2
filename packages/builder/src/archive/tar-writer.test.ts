import { buffer } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { entriesOf } from "./reader/read-tar.test.helper.ts";
import { directoryHeader, ownership, root, type TarHeader } from "./tar-header.ts";
import { entryBounds, entryPath, packArchive, parentsOf, writeEntry } from "./tar-writer.ts";

const fileHeader: TarHeader = { ...ownership(root, 0), name: "x", type: "file", mode: 0o644, size: 3 };

describe("an archive", () => {
  it("has the entries that are written, with their bodies, and an end", async () => {
    const archive = packArchive(async (pack) => {
      await writeEntry(pack, directoryHeader("d", ownership(root, 5)));
      await writeEntry(pack, fileHeader, Buffer.from("abc"));
    });
    expect(await entriesOf(await buffer(archive))).toMatchObject([
      { name: "d/", type: "directory", mode: 0o755, mtime: 5 },
      { name: "x", type: "file", contents: "abc" },
    ]);
  });

  it("is written from the first read on", async () => {
    let calls = 0;
    const archive = packArchive(async () => void calls++);
    expect([calls, archive.readableObjectMode]).toEqual([0, false]);
    await buffer(archive);
    expect(calls).toBe(1);
  });

  it.each([
    [new TypeError("no such file"), new TypeError("no such file")],
    ["words", new Error("words")],
  ])("ends with what its writer threw: %s", async (thrown, error) => {
    const archive = packArchive(async (pack) => {
      await writeEntry(pack, fileHeader, Buffer.from("abc"));
      throw thrown;
    });
    await expect(buffer(archive)).rejects.toThrow(error);
  });

  it("ends its writer, and waits for it, if the reader stops", async () => {
    let ended = false;
    const archive = packArchive(async (pack) => {
      try {
        for (;;) await writeEntry(pack, { ...fileHeader, size: 1 << 16 }, Buffer.alloc(1 << 16));
      } finally {
        await nextTurn();
        ended = true;
      }
    });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    archive.on("close", resolve);
    for await (const _ of archive) break;
    await closed;
    expect(ended).toBe(true);
  });
});

it("the parents of a path are all directories above it, outermost first", () => {
  expect(parentsOf("a/b/c")).toEqual(["a", "a/b"]);
  expect(parentsOf("a")).toEqual([]);
  expect(parentsOf("")).toEqual([]);
});

describe("the path of an item", () => {
  it.each([
    ["/opt/", "opt/x", "opt/x"],
    ["/opt", "opt", "opt"],
    ["/opt/.", "opt/x", "opt"],
    ["/opt/..", "x", ""],
    ["/opt/a.", "opt/a.", "opt/a."],
    ["/opt/.a", "opt/.a", "opt/.a"],
    ["/opt/..a", "opt/..a", "opt/..a"],
    ["/opt/...", "opt/...", "opt/..."],
    ["/opt/../b//c", "b/c", "b/c"],
    ["/", "x", "x"],
    ["//", "x", "x"],
  ])("that is copied to %s is %s for a file, and %s for a directory", (destination, file, directory) => {
    expect(entryPath({ isDirectory: false, baseName: "x" }, destination)).toBe(file);
    const isInto = destination.endsWith("/");
    expect(entryPath({ isDirectory: true, baseName: "x" }, destination)).toBe(isInto ? file : directory);
  });

  it("is the destination for the root of a tree", () => {
    for (const destination of ["/opt", "/opt/", "/opt/."])
      expect(entryPath({ isDirectory: true, baseName: "" }, destination)).toBe("opt");
    expect(entryPath({ isDirectory: true, baseName: "" }, "/")).toBe("");
  });

  it.each([
    ["/opt/x", "opt/x"],
    ["/opt/../y/", "y"],
    ["/opt/.", "opt"],
    ["/", ""],
  ])("that is copied to %s stays below %j", (destination, bounds) => {
    expect(entryBounds(destination)).toBe(bounds);
  });
});
