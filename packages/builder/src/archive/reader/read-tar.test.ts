import { archiveEnd, directory, file } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { readTar } from "./read-tar.ts";
import { archiveOf, entriesOf, inPieces, onlyEntry, type RawEntry } from "./read-tar.test.helper.ts";

const written = (at: number, text: string | Buffer): RawEntry => ({
  ...file("x"),
  patch: (header) => header.set(Buffer.from(text), at),
});
const broken = (why: string) => ({
  code: "BAD_SOURCE",
  message: `The guest's tar wrote a broken archive: ${why}.`,
  hint: "Check the guest's tar, and the files that it reads.",
});
const wrongNumber = broken("a header has a wrong number");
const early = broken("it ends early");

describe("a header", () => {
  it("has all fields, and a body", async () => {
    const entry = await onlyEntry({
      name: "./dev",
      flag: "3",
      mode: 0o104_755,
      patch: (header) => {
        header.write("0000017\0", 108);
        header.write("0000020\0", 116);
        header.write("00000000144\0", 136);
        header.write("opam", 265);
        header.write("users", 297);
        header.write("0000010\0", 329);
        header.write("0000011\0", 337);
      },
    });
    expect(entry).toEqual({
      type: "character-device",
      name: "./dev",
      linkname: "",
      mode: 0o4755,
      uid: 15,
      gid: 16,
      uname: "opam",
      gname: "users",
      mtime: 100,
      devmajor: 8,
      devminor: 9,
      xattrs: new Map(),
      sparse: undefined,
      size: 0,
      contents: "",
    });
    expect(await onlyEntry(file("x"))).toMatchObject({ type: "file", size: 7, contents: "hostile" });
  });

  it.each([
    ["\0", "file"],
    ["0", "file"],
    ["1", "link"],
    ["2", "symlink"],
    ["3", "character-device"],
    ["4", "block-device"],
    ["5", "directory"],
    ["6", "fifo"],
    ["7", "file"],
    ["M", undefined],
    ["toString", undefined],
  ])("with the flag %j is of the type %s", async (flag, type) => {
    expect(await onlyEntry({ name: "./x", flag: flag.slice(0, 1), linkname: "./y" })).toMatchObject({ type });
  });

  it("is that of a directory if the name of a file ends with a slash, as in old archives, and of nothing else", async () => {
    for (const flag of ["0", "\0"]) expect((await onlyEntry({ name: "./x/", flag })).type).toBe("directory");
    expect((await onlyEntry({ name: "./x/", flag: "2", linkname: "y" })).type).toBe("symlink");
    expect((await onlyEntry({ name: "./x/", flag: "7" })).type).toBe("file");
  });

  it("has the target of a link of either kind, and none for others", async () => {
    for (const flag of ["1", "2"])
      expect((await onlyEntry({ name: "x", flag, linkname: "to" })).linkname).toBe("to");
    expect((await onlyEntry({ name: "x", flag: "0", linkname: "to" })).linkname).toBe("");
    for (const flag of ["1", "2"])
      await expect(onlyEntry({ name: "x", flag })).rejects.toMatchObject(broken("an entry has no name"));
    await expect(onlyEntry({ name: "" })).rejects.toMatchObject(broken("an entry has no name"));
  });

  it("has a prefix of the name in the ustar format only, where GNU tar has times", async () => {
    const prefixed = (magic: string): RawEntry => ({
      name: "n".repeat(100),
      patch: (header) => {
        header.write("p".repeat(155), 345);
        header.write(magic, 257);
      },
    });
    expect((await onlyEntry(prefixed("ustar\x0000"))).name).toBe(`${"p".repeat(155)}/${"n".repeat(100)}`);
    expect((await onlyEntry(prefixed("ustar  \0"))).name).toBe("n".repeat(100));
  });

  it.each([
    ["ustaX", broken("it has an unknown format")],
    ["xstar", broken("it has an unknown format")],
  ])("of the format %s is refused", async (magic, why) => {
    await expect(onlyEntry(written(257, magic))).rejects.toMatchObject(why);
  });

  it("is refused with a checksum that is not its own, whose field counts as blanks", async () => {
    for (const at of [0, 155, 156, 511]) {
      const damage = (header: Buffer): void => void header.writeUInt8((header[at] ?? 0) ^ 1, at);
      await expect(onlyEntry({ ...file("x"), damage })).rejects.toMatchObject({ code: "BAD_SOURCE" });
    }
    const damage = (header: Buffer): void => void header.write("y", 2);
    await expect(onlyEntry({ ...file("x"), damage })).rejects.toMatchObject(broken("a header is damaged"));
  });
});

describe("a number in a header", () => {
  it.each([
    ["0000017\0", 15],
    ["  17 \0\0\0", 15],
    ["\0\x0017\0\0\0\0", 15],
    ["\0".repeat(8), 0],
    [" ".repeat(8), 0],
    ["77777777", 0o77777777],
    [Buffer.from([0x80, 0, 0, 0, 0, 0, 1, 2]), 258],
    [Buffer.from([0x80, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Number.MAX_SAFE_INTEGER],
  ])("%j is %i", async (text, value) => {
    expect(await onlyEntry(written(108, text))).toMatchObject({ uid: value });
    expect(await onlyEntry(written(116, text))).toMatchObject({ gid: value });
  });

  it.each([
    ["0000018\0"],
    ["-000001\0"],
    ["1 1\0\0\0\0\0"],
    ["0x11\0\0\0\0"],
    [Buffer.alloc(8, 0xff)],
    [Buffer.from([0x80, 0x20, 0, 0, 0, 0, 0, 0])],
    [Buffer.from([0x81, 0, 0, 0, 0, 0, 0, 0])],
  ])("%j is refused", async (text) => {
    for (const at of [100, 108, 116, 329, 337])
      await expect(onlyEntry(written(at, text))).rejects.toMatchObject(wrongNumber);
  });

  it("can be negative for a time only", async () => {
    const negative = Buffer.alloc(12, 0xff);
    expect((await onlyEntry(written(136, negative))).mtime).toBe(-1);
    const hundred = Buffer.from([...Buffer.alloc(11, 0xff), 0x9c]);
    expect((await onlyEntry(written(136, hundred))).mtime).toBe(-100);
    const long = Buffer.from([0xbf, ...Buffer.alloc(11, 0xff)]);
    const least = Buffer.from([0xc0, ...Buffer.alloc(11)]);
    for (const number of [long, least])
      await expect(onlyEntry(written(136, number))).rejects.toMatchObject(wrongNumber);
    await expect(onlyEntry(written(124, negative))).rejects.toMatchObject(wrongNumber);
  });
});

describe("the bodies of entries", () => {
  const several = archiveOf(
    { name: "a", body: "x".repeat(1023) },
    directory("d"),
    { name: "b", body: "y".repeat(512) },
    { name: "c", body: "z" },
  );

  it.each([1, 511, 512, 513, 100_000])("are read in pieces of %i", async (pieces) => {
    const found = await entriesOf(several, { pieces });
    expect(found.map(({ name, size, contents }) => [name, size, contents.length, contents[0]])).toEqual([
      ["a", 1023, 1023, "x"],
      ["./d/", 0, 0, undefined],
      ["b", 512, 512, "y"],
      ["c", 1, 1, "z"],
    ]);
  });

  it.each(["not at all", "in part"])("may be read %s", async (how) => {
    const names: string[] = [];
    for await (const { name, body } of readTar(inPieces(several, 200))) {
      names.push(name);
      if (how === "in part") await body[Symbol.asyncIterator]().next();
    }
    expect(names).toEqual(["a", "./d/", "b", "c"]);
  });

  it("belong to files only", async () => {
    for (const flag of ["1", "2", "3", "4", "5", "6", "M"])
      await expect(onlyEntry({ name: "x", flag, linkname: "y", body: "z" })).rejects.toMatchObject(
        broken("an entry that is not a file has contents"),
      );
  });

  it("end with the archive in words", async () => {
    const archive = archiveOf({ name: "a", body: "x".repeat(600) });
    for (const length of [0, 1, 511, 512, 700, 1111, 1112, 1535, 1536, 2047, 2048])
      await expect(entriesOf(archive.subarray(0, length))).rejects.toMatchObject(early);
  });
});

describe("the end of an archive", () => {
  it("is two blocks of zeros, and more up to 4 MiB", async () => {
    for (const more of [0, 512, 9 * 512, (1 << 22) - 512]) {
      const archive = Buffer.concat([archiveOf(file("x")), Buffer.alloc(more)]);
      expect(await entriesOf(archive, { pieces: 65_536 })).toHaveLength(1);
    }
    const long = Buffer.concat([archiveOf(file("x")), Buffer.alloc(1 << 22)]);
    const after = broken("it continues after its end");
    await expect(entriesOf(long, { pieces: 65_536 })).rejects.toMatchObject(after);
    const more = Buffer.concat([archiveOf(file("x")), Buffer.alloc(512, "x")]);
    await expect(entriesOf(more)).rejects.toMatchObject(after);
    await expect(entriesOf(Buffer.concat([archiveOf(file("x")), Buffer.alloc(100)]))).rejects.toMatchObject(
      early,
    );
    expect(await entriesOf(archiveEnd)).toEqual([]);
  });
});

describe("the stream that an archive comes from", () => {
  async function* endless(onEnd: () => void): AsyncGenerator<Uint8Array> {
    try {
      yield archiveOf(file("x"), file("y"));
      for (;;) yield Buffer.alloc(512);
    } finally {
      onEnd();
    }
  }

  it("is ended by who stops reading, and after an error", async () => {
    let ended = 0;
    const onEnd = (): void => void (ended += 1);
    for await (const entry of readTar(endless(onEnd))) {
      expect(entry.name).toBe("./x");
      break;
    }
    expect(ended).toBe(1);
    const reading = (async () => {
      for await (const entry of readTar(endless(onEnd))) void entry;
    })();
    await expect(reading).rejects.toMatchObject(broken("it continues after its end"));
    expect(ended).toBe(2);
  });

  it("need not be one that can be ended", async () => {
    const pieces = inPieces(archiveOf(file("x")));
    const archive = { [Symbol.asyncIterator]: () => ({ next: async () => await pieces.next() }) };
    const names: string[] = [];
    for await (const { name } of readTar(archive)) names.push(name);
    expect(names).toEqual(["./x"]);
  });

  it("may bring empty pieces, and its error is that of the reader", async () => {
    async function* odd(): AsyncGenerator<Uint8Array> {
      const archive = archiveOf(file("x"));
      yield Buffer.alloc(0);
      yield archive.subarray(0, 100);
      yield Buffer.alloc(0);
      yield archive.subarray(100, 600);
      throw new Error("the guest is gone");
    }
    const reading = (async () => {
      for await (const entry of readTar(odd())) void entry;
    })();
    await expect(reading).rejects.toThrow("the guest is gone");
  });
});
