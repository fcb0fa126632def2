import { describe, expect, it } from "vitest";
import { keepsXattr, modeOf, type NewOwner, ownerAndTime } from "./new-owner.ts";
import { LeftOut } from "./left-out.ts";
import type { ArchiveEntry } from "./reader/read-tar.ts";

const entry = (more: Partial<ArchiveEntry> = {}): ArchiveEntry => ({
  ...{ type: "file", name: "./x", linkname: "", mode: 0o6755, uid: 7, gid: 8, uname: "u", gname: "g" },
  ...{ mtime: 5, devmajor: 0, devminor: 0, xattrs: new Map(), sparse: undefined, size: 0 },
  body: (async function* () {})(),
  ...more,
});
const same: NewOwner = { kind: "same" };
const reader: NewOwner = { kind: "reader" };
const newOwner = (uid: number, gid: number): NewOwner => ({ kind: "new", owner: { uid, gid } });

describe("the owner of an entry", () => {
  it("is that of the layer with its names, the new one, or root", () => {
    const extended = new Map([
      ["uname", "u"],
      ["gname", "g"],
    ]);
    const mtime = new Date(5_000);
    expect(ownerAndTime(entry(), same)).toEqual({ uid: 7, gid: 8, mtime, extended });
    expect(ownerAndTime(entry(), newOwner(1, 2))).toEqual({ uid: 1, gid: 2, mtime, extended: new Map() });
    for (const owner of [reader, { kind: "new", owner: undefined } as const])
      expect(ownerAndTime(entry(), owner)).toEqual({ uid: 0, gid: 0, mtime, extended: new Map() });
  });

  it("keeps numbers and times that do not fit a header", () => {
    const found = ownerAndTime(
      entry({ uid: 2_097_152, gid: 4_000_000_000, mtime: -1, uname: "", gname: "" }),
      same,
    );
    expect(found).toEqual({
      ...{ uid: 2_097_151, gid: 2_097_151, mtime: new Date(0) },
      extended: new Map([
        ["uid", "2097152"],
        ["gid", "4000000000"],
        ["mtime", "-1"],
      ]),
    });
    const late = ownerAndTime(entry({ uid: 2_097_151, gid: 0, mtime: 2 ** 31 }), reader);
    expect([late.mtime, late.extended]).toEqual([
      new Date((2 ** 31 - 1) * 1000),
      new Map([["mtime", "2147483648"]]),
    ]);
  });
});

describe("the mode of an entry", () => {
  it("loses the bits that would grant the rights of another owner", () => {
    expect(modeOf(entry(), same)).toBe(0o6755);
    expect(modeOf(entry(), reader)).toBe(0o755);
    expect(modeOf(entry({ uid: 0, gid: 0 }), reader)).toBe(0o755);
    expect(modeOf(entry(), newOwner(7, 8))).toBe(0o6755);
    expect(modeOf(entry(), newOwner(7, 9))).toBe(0o4755);
    expect(modeOf(entry(), newOwner(9, 8))).toBe(0o2755);
    expect(modeOf(entry({ uid: 0, gid: 0 }), { kind: "new", owner: undefined })).toBe(0o6755);
    expect(modeOf(entry({ type: "symlink", mode: 0o6000 }), same)).toBe(0o777);
  });
});

it("only attributes of users are kept for the host's user", () => {
  expect([
    keepsXattr("user.x", reader),
    keepsXattr("security.capability", reader),
    keepsXattr("xuser.y", reader),
  ]).toEqual([true, false, false]);
  expect([keepsXattr("security.x", same), keepsXattr("trusted.x", newOwner(1, 1))]).toEqual([true, true]);
});

describe("a warning of attributes that were left out", () => {
  const texts = (
    ...files: readonly (readonly [path: string, names: readonly string[]])[]
  ): readonly unknown[] => {
    const leftOut = new LeftOut();
    for (const [path, names] of files)
      leftOut.filter(new Map(names.map((name) => [name, Buffer.from("v")])), {
        path,
        keeps: (name) => name === "user.kept",
      });
    const events: unknown[] = [];
    leftOut.warn((event) => void events.push(event));
    return events;
  };

  it("names each with its first file, and how many others have it", () => {
    expect(texts(["a", ["user.kept"]])).toEqual([]);
    expect(texts(["a", ["t.x", "user.kept"]], ["b", ["t.x"]], ["c", ["t.x", "t.y"]])).toEqual([
      {
        type: "log",
        level: "warning",
        text: 'Extended attributes were left out: t.x of "a" and 2 more; t.y of "c".',
      },
    ]);
  });

  it("names five, and counts the others together", () => {
    const names = ["t.1", "t.2", "t.3", "t.4", "t.5", "t.6", "t.7"];
    expect(texts(["a", names], ["b", ["t.1", "t.9"]])).toEqual([
      expect.objectContaining({
        text: expect.stringMatching(
          /^[^;]*t\.1 of "a" and 1 more; (?:t\.\d of "a"; ){4}others of "a" and 2 more\.$/,
        ),
      }),
    ]);
  });

  it("keeps what is kept", () => {
    const xattrs = new Map([
      ["user.kept", Buffer.from("1")],
      ["t.x", Buffer.from("2")],
    ]);
    const kept = new LeftOut().filter(xattrs, { path: "a", keeps: (name) => name === "user.kept" });
    expect(kept).toEqual(new Map([["user.kept", Buffer.from("1")]]));
  });
});
