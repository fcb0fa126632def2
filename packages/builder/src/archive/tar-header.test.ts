import type { Stats } from "node:fs";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Manifest } from "../source/manifest.ts";
import { paxRecords } from "./reader/pax-records.ts";
import { entriesOf } from "./reader/read-tar.test.helper.ts";
import { headerFor, ownership, root, type TarHeader } from "./tar-header.ts";
import { packArchive, writeEntry } from "./tar-writer.ts";

const link: TarHeader = { ...ownership(root, 0), name: "l", type: "symlink", mode: 0o777, linkname: "to" };
const file: TarHeader = { ...ownership(root, 0), name: "f", type: "file", mode: 0o644, size: 0 };

const written = async (header: TarHeader): Promise<Buffer> =>
  await buffer(
    packArchive(
      async (pack) => await writeEntry(pack, header, header.type === "file" ? Buffer.alloc(0) : undefined),
    ),
  );

const textAt = (block: Buffer, at: number, length: number): string =>
  block.toString("latin1", at, at + length);

describe("the owner in a header", () => {
  it("is whole there up to seven octal digits, and in the extended header beyond", () => {
    const most = 0o7777777;
    expect(ownership({ uid: most, gid: most }, 0)).toEqual({
      ...{ uid: most, gid: most, mtime: new Date(0), extended: new Map() },
    });
    const uid = ownership({ uid: most + 1, gid: 0 }, 0);
    expect([uid.uid, [...uid.extended]]).toEqual([most, [["uid", "2097152"]]]);
    const gid = ownership({ uid: 0, gid: most + 1 }, 0);
    expect([gid.gid, [...gid.extended]]).toEqual([most, [["gid", "2097152"]]]);
  });

  it("has names only if they are known", () => {
    const owner = { uid: 1, gid: 2 };
    expect([...ownership({ ...owner, userName: "u" }, 0).extended]).toEqual([["uname", "u"]]);
    expect([...ownership({ ...owner, groupName: "g" }, 0).extended]).toEqual([["gname", "g"]]);
    expect([...ownership({ ...owner, userName: "", groupName: "" }, 0).extended]).toEqual([]);
  });
});

describe("the header of a source", () => {
  const headerOf = (source: Manifest, mode = 0) =>
    headerFor({ source, name: "n" }, { owner: { uid: 1, gid: 2 }, stat: { mode, mtimeMs: 1999 } as Stats });

  it.each([
    [0o100, 0o755],
    [0o010, 0o755],
    [0o001, 0o755],
    [0o666, 0o644],
    [0o4644, 0o644],
  ])("of a file with the mode %i has the mode %i", (mode, expected) => {
    const source = { kind: "file", path: "p", sha256: "" } as const;
    expect(headerOf(source, mode)).toEqual({
      ...{ name: "n", type: "file", mode: expected, uid: 1, gid: 2, mtime: new Date(1000) },
      extended: new Map(),
    });
  });

  it("of a link has its target, and of a directory a slash", () => {
    expect(headerOf({ kind: "symlink", path: "p", target: "to" })).toMatchObject({
      ...{ name: "n", type: "symlink", mode: 0o777, linkname: "to" },
    });
    expect(headerOf({ kind: "directory", path: "p", entries: [] })).toMatchObject({
      ...{ name: "n/", type: "directory", mode: 0o755 },
    });
  });
});

describe("an extended header", () => {
  it("is not written if nothing needs it", async () => {
    for (const header of [file, link]) expect(await written(header)).toHaveLength(3 * 512);
  });

  it("has the fields that all tars want", async () => {
    const extended = new Map([["mtime", "-1"]]);
    const header = await written({ ...file, extended });
    expect(header).toHaveLength(5 * 512);
    const fields = [
      [0, 10, "PaxHeader\0"],
      [100, 8, "0000644\0"],
      [108, 8, "0000000\0"],
      [116, 8, "0000000\0"],
      [124, 12, "00000000025\0"],
      [136, 12, "00000000000\0"],
      [156, 1, "x"],
      [257, 8, "ustar\x0000"],
      [512, 20, "12 mtime=-1\n9 path=f"],
    ] as const;
    expect(fields.map(([at, length]) => textAt(header, at, length))).toEqual(
      fields.map(([, , text]) => text),
    );
    expect(textAt(header, 148, 8)).toMatch(/^0\d{5}\0 $/);
  });

  it("has the names of the entry, which has others in its plain header", async () => {
    for (const header of [
      { ...link, extended: new Map([["mtime", "-1"]]) },
      { ...link, name: "raw-\udcff" },
      { ...link, linkname: "raw-\udcff" },
    ]) {
      const archive = await written(header);
      expect(await entriesOf(archive)).toMatchObject([{ name: header.name, linkname: header.linkname }]);
      expect([textAt(archive, 1024, 9), textAt(archive, 1024 + 157, 9)]).toEqual([
        "extended\0",
        "extended\0",
      ]);
    }
    const archive = await written({ ...file, name: "raw-\udcff" });
    const length = Number.parseInt(textAt(archive, 124, 11), 8);
    expect(paxRecords(archive.subarray(512, 512 + length)).map(({ key }) => key)).toEqual(["path"]);
    expect([textAt(archive, 1024, 9), textAt(archive, 1024 + 157, 9)]).toEqual([
      "extended\0",
      "\0".repeat(9),
    ]);
  });

  it("has the lengths of its records, also where they need one digit more", async () => {
    const values = Array.from({ length: 1100 }, (_, length) => [`key${length}`, "v".repeat(length)] as const);
    const archive = await written({ ...file, extended: new Map(values) });
    const length = Number.parseInt(textAt(archive, 124, 11), 8);
    const records = paxRecords(archive.subarray(512, 512 + length));
    expect(records.map(({ key, value }) => [key, value.toString()])).toEqual([...values, ["path", "f"]]);
  });

  it("fills its last block, and no other", async () => {
    for (let length = 480; length < 505; length++) {
      const extended = new Map([["k", Buffer.alloc(length, 1)]]);
      expect(await entriesOf(await written({ ...file, extended }))).toMatchObject([{ name: "f" }]);
    }
  });
});
