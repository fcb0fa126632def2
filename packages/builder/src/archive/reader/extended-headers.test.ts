import { archiveEnd, entryBlocks, file, pax } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { paxRecords } from "./pax-records.ts";
import { archiveOf, entriesOf, onlyEntry, type RawEntry } from "./read-tar.test.helper.ts";
import { xattrRecord, xattrsIn } from "./xattr-records.ts";

const broken = (why: string) => ({
  code: "BAD_SOURCE",
  message: `The guest's tar wrote a broken archive: ${why}.`,
});
const long = (flag: string, name: string): RawEntry => ({ name: "././@LongLink", flag, body: name });
const link: RawEntry = { name: "./l", flag: "2", linkname: "short" };

describe("a pax header", () => {
  it("replaces the fields of the next entry, and of no other", async () => {
    const records = pax(
      ["path", "./long"],
      ["linkpath", "there"],
      ["uid", "4000000000"],
      ["gid", "4000000001"],
      ["uname", "über"],
      ["gname", "g"],
      ["mtime", "12.75"],
    );
    const [one, other] = await entriesOf(archiveOf(records, link, link));
    expect(one).toMatchObject({
      ...{ name: "./long", linkname: "there", uid: 4_000_000_000, gid: 4_000_000_001 },
      ...{ uname: "über", gname: "g", mtime: 12 },
    });
    expect(other).toMatchObject({
      name: "./l",
      linkname: "short",
      uid: 0,
      gid: 0,
      uname: "",
      gname: "",
      mtime: 0,
    });
  });

  it("says the size of a body", async () => {
    const [one, other] = await entriesOf(
      archiveOf(pax(["size", "513"]), { name: "./big", size: 0, body: "x".repeat(513) }, file("y")),
    );
    expect([one?.size, one?.contents.length, other?.name]).toEqual([513, 513, "./y"]);
  });

  it("counts by its last record of a key", async () => {
    expect(await onlyEntry(pax(["path", "./a"], ["path", "./b"]), file("x"))).toMatchObject({ name: "./b" });
  });

  it("has no target for what is not a link", async () => {
    expect((await onlyEntry(pax(["linkpath", "there"]), file("x"))).linkname).toBe("");
  });

  it.each([
    ["0", 0],
    ["-1", -1],
    ["-0.5", -1],
    ["12.", 12],
    ["1700000000.99999900000000000000", 1_700_000_000],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("has the time %s", async (text, mtime) => {
    expect((await onlyEntry(pax(["mtime", text]), file("x"))).mtime + 0).toBe(mtime);
  });

  it.each([
    "",
    "x",
    "1e3",
    "--1",
    "1.2.3",
    " 1",
    "9007199254740993",
    "12345678901234567",
    `1.${"0".repeat(21)}`,
  ])("with the time %j is refused", async (text) => {
    await expect(onlyEntry(pax(["mtime", text]), file("x"))).rejects.toMatchObject(
      broken("an extended header has a wrong time"),
    );
  });

  it.each(["", "x", "-1", "1.5", "0x1", " 1", "9007199254740993", "12345678901234567"])(
    "with the number %j is refused",
    async (text) => {
      for (const key of ["uid", "gid", "size"])
        await expect(onlyEntry(pax([key, text]), file("x"))).rejects.toMatchObject(
          broken("an extended header has a wrong number"),
        );
    },
  );

  it("may be empty, and global ones say nothing", async () => {
    expect(await onlyEntry({ name: "p", flag: "x" }, file("x"))).toMatchObject({ name: "./x" });
    expect(await onlyEntry({ ...pax(["path", "y"]), flag: "g" }, file("x"))).toMatchObject({ name: "./x" });
  });

  it("has 1 MiB at most, and belongs to an entry", async () => {
    const sized = (size: number): RawEntry =>
      long("x", `${size} comment=${"y".repeat(size - 17)}\n`.padEnd(size, "\n"));
    expect(await onlyEntry(sized(1 << 20), file("x"))).toMatchObject({ name: "./x" });
    const more = { ...sized(1 << 20), size: (1 << 20) + 1 };
    await expect(onlyEntry(more, file("x"))).rejects.toMatchObject(broken("an extended header is too large"));
    await expect(entriesOf(archiveOf(pax(["path", "y"])))).rejects.toMatchObject(
      broken("an extended header has no entry"),
    );
    for (const flag of ["x", "L", "K", "g"]) {
      const twice = [long(flag, ""), long(flag, "")];
      await expect(onlyEntry(...twice, file("x"))).rejects.toMatchObject(
        broken("an entry has two extended headers of a kind"),
      );
    }
    const cut = Buffer.concat([entryBlocks(pax(["path", "y"])), archiveEnd]).subarray(0, 700);
    await expect(entriesOf(cut)).rejects.toMatchObject(broken("it ends early"));
    await expect(entriesOf(cut.subarray(0, 512))).rejects.toMatchObject(broken("it ends early"));
  });
});

describe("a long name of GNU tar", () => {
  it("is that of the entry, or of its target, up to the first NUL", async () => {
    const found = await onlyEntry(long("L", "./name\0more"), long("K", "target"), link);
    expect(found).toMatchObject({ name: "./name", linkname: "target" });
    expect(
      await onlyEntry(long("L", "\0"), long("K", "y\0"), { ...link, name: "z" }).catch(String),
    ).toContain("an entry has no name");
  });

  it("comes after that of a pax header", async () => {
    const headers = [long("L", "./long"), long("K", "long"), pax(["path", "./pax"], ["linkpath", "pax"])];
    expect(await onlyEntry(...headers, link)).toMatchObject({ name: "./pax", linkname: "pax" });
  });

  it("has 65536 bytes at most, and no NUL", async () => {
    const name = "x".repeat(65_536);
    expect((await onlyEntry(pax(["path", name]), file("x"))).name).toBe(name);
    await expect(onlyEntry(pax(["path", `${name}x`]), file("x"))).rejects.toMatchObject(
      broken("a name is too long"),
    );
    await expect(onlyEntry(pax(["linkpath", "a\0b"]), link)).rejects.toMatchObject(
      broken("a name has a NUL byte"),
    );
  });
});

describe("the records of a pax header", () => {
  it("end the reading of an archive if they are damaged", async () => {
    await expect(onlyEntry(long("x", "7 a=b\n"), file("x"))).rejects.toMatchObject(
      broken("an extended header is damaged"),
    );
  });

  it("are by their lengths: a value can have any bytes", () => {
    const read = paxRecords(Buffer.from("12 a=b\n=c=d\n5 k=\n00000013 c=d\n"));
    expect(read.map(({ key, value }) => [key, value.toString()])).toEqual([
      ["a", "b\n=c=d"],
      ["k", ""],
      ["c", "d"],
    ]);
    expect(paxRecords(Buffer.alloc(0))).toEqual([]);
  });

  it.each([
    "x",
    "6 a=b",
    "6 a=b\n6",
    "6 a=bc",
    "7 a=b\n",
    "5 a=b\n",
    " 6 a=b\n",
    "a6 =b\n",
    "6a=b\n",
    "5 ab\n",
    "4 =\n",
    "0 a=b\n",
    "000000014 a=b\n",
    "99 a=b\n",
  ])("are refused: %j", (text) => {
    expect(() => paxRecords(Buffer.from(text))).toThrow(
      "The guest's tar wrote a broken archive: an extended header is damaged.",
    );
  });
});

describe("extended attributes", () => {
  const records = (...pairs: readonly (readonly [string, string | Buffer])[]) =>
    pairs.map(([key, value]) => ({ key, value: Buffer.from(value) }));
  const named = (name: string, value: string | Buffer = "v") =>
    xattrsIn(records([`SCHILY.xattr.${name}`, value]));

  it("are read as GNU tar and as libarchive write them; GNU tar's count", () => {
    const found = xattrsIn(
      records(
        ["LIBARCHIVE.xattr.user.%61%3d%2F", "aGk"],
        ["LIBARCHIVE.xattr.user.b", "bm8"],
        ["SCHILY.xattr.user.b", "yes"],
        ["SCHILY.xattr.user.%3D%25%41", "x"],
        ["other", "z"],
      ),
    );
    const texts = [...found].map(([name, value]) => [name, Buffer.from(value).toString()]);
    expect(texts).toEqual([
      ["user.b", "yes"],
      ["user.=%%41", "x"],
      ["user.a=/", "hi"],
    ]);
  });

  it("are written so that they are read again", () => {
    const [key, value] = xattrRecord("user.100%=x%25", Buffer.from([0, 255]));
    expect(key).toBe("SCHILY.xattr.user.100%25%3Dx%2525");
    expect(xattrsIn([{ key, value: Buffer.from(value) }])).toEqual(
      new Map([["user.100%=x%25", Buffer.from([0, 255])]]),
    );
  });

  it("have Linux' limits", () => {
    const longest = `user.${"x".repeat(250)}`;
    expect([...named(longest, Buffer.alloc(65_536)).keys()]).toEqual([longest]);
    for (const [name, value] of [
      [`${longest}x`, "v"],
      ["user.x", Buffer.alloc(65_537)],
    ] as const)
      expect(() => named(name, value)).toThrow("an extended attribute is wrong");
  });

  it.each([
    "user",
    "user.",
    ".x",
    "us er.x",
    "us/er.x",
    "user.\u001b",
    "user.\u007f",
    "\u0001.x",
    "user.x\0",
    "a/b.c",
  ])("are refused: %j", (name) => {
    expect(() => named(name)).toThrow("an extended attribute is wrong");
  });

  it("belong to an entry", async () => {
    const found = await onlyEntry(pax(["SCHILY.xattr.user.a", "1"]), file("x"));
    expect(found.xattrs).toEqual(new Map([["user.a", Buffer.from("1")]]));
  });
});
