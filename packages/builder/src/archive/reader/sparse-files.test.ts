import { file, pax } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { entriesOf, archiveOf, onlyEntry, type RawEntry } from "./read-tar.test.helper.ts";
import { readTar } from "./read-tar.ts";
import { checkedMap } from "./sparse-map.ts";

type Piece = readonly [offset: number, size: number];

const wrong = {
  code: "BAD_SOURCE",
  message: "The guest's tar wrote a broken archive: the map of a sparse file is wrong.",
};
const tooMany = {
  code: "BAD_SOURCE",
  message: expect.stringContaining("a sparse file has more than 250000 pieces"),
};

const data = `${"a".repeat(512)}5678`;
const pieces = [
  { offset: 0, size: 512 },
  { offset: 700, size: 4 },
];

/** A file of version 1.0: its map comes before its data. */
function inBody(
  map: string,
  { realSize = "1000", contents = data, major = "1", minor = "0" } = {},
): readonly RawEntry[] {
  const padded = map.padEnd(Math.ceil(map.length / 512) * 512, "\0");
  const records = pax(
    ["GNU.sparse.major", major],
    ["GNU.sparse.minor", minor],
    ["GNU.sparse.name", "./real"],
    ["GNU.sparse.realsize", realSize],
  );
  return [records, { name: "./GNUSparseFile.0/real", body: padded + contents }];
}

/** A file of GNU tar's old format: pieces in the header, and in blocks after it. */
function old(parts: readonly Piece[], { realSize = 1000, contents = data, extended = false } = {}): RawEntry {
  const octal = (value: number): string => `${value.toString(8).padStart(11, "0")}\0`;
  const text = (some: readonly Piece[]): string => some.map((piece) => piece.map(octal).join("")).join("");
  const blocks: string[] = [];
  for (let at = 4; at < parts.length; at += 21) {
    const isLast = at + 21 >= parts.length;
    blocks.push(
      text(parts.slice(at, at + 21)).padEnd(504, "\0") + (isLast ? "\0" : "\u0001").padEnd(8, "\0"),
    );
  }
  return {
    ...{ name: "./old", flag: "S", size: contents.length, body: blocks.join("") + contents },
    patch: (header) => {
      header.write(text(parts.slice(0, 4)), 386);
      header[482] = extended || parts.length > 4 ? 1 : 0;
      header.write(octal(realSize), 483);
    },
  };
}

describe("a sparse file", () => {
  const expected = { type: "file", size: 516, contents: data, sparse: { realSize: 1000, pieces } };

  it.each<[string, readonly RawEntry[], string]>([
    ["in its body", inBody("2\n0\n512\n700\n4\n"), "./real"],
    [
      "in its header",
      [pax(["GNU.sparse.size", "1000"], ["GNU.sparse.map", "0,512,700,4"]), { name: "./x", body: data }],
      "./x",
    ],
    [
      "in its header, one number after the other",
      [
        pax(
          ["GNU.sparse.size", "1000"],
          ["GNU.sparse.numblocks", "2"],
          ["GNU.sparse.offset", "0"],
          ["GNU.sparse.numbytes", "512"],
          ["GNU.sparse.offset", "700"],
          ["GNU.sparse.numbytes", "4"],
        ),
        { name: "./x", body: data },
      ],
      "./x",
    ],
    [
      "in the old format",
      [
        old([
          [0, 512],
          [700, 4],
        ]),
      ],
      "./old",
    ],
  ])("has its map %s", async (_, entries, name) => {
    const [found, next] = await entriesOf(archiveOf(...entries, file("next")));
    expect(found).toMatchObject({ ...expected, name });
    expect(next).toMatchObject({ name: "./next", sparse: undefined, contents: "hostile" });
  });

  it("has a map of several blocks, which cut its numbers", async () => {
    const digits = (value: number): string => `${String(value).padStart(16, "0")}\n`;
    for (const count of [15, 16, 31, 100]) {
      const parts = Array.from({ length: count }, (_, index) => ({ offset: index * 1024, size: 512 }));
      const map = `${count}\n${parts.map(({ offset, size }) => digits(offset) + digits(size)).join("")}`;
      const contents = "b".repeat(512 * count);
      const found = await onlyEntry(...inBody(map, { realSize: String(count * 1024), contents }));
      expect(found).toMatchObject({ contents, sparse: { pieces: parts } });
    }
  });

  it("may have pieces of no bytes, holes only, or no hole", async () => {
    expect(await onlyEntry(...inBody("0\n", { contents: "" }))).toMatchObject({
      size: 0,
      sparse: { realSize: 1000, pieces: [] },
    });
    const empty = await onlyEntry(...inBody("2\n5\n0\n1000\n0\n", { contents: "" }));
    expect(empty.sparse?.pieces).toEqual([
      { offset: 5, size: 0 },
      { offset: 1000, size: 0 },
    ]);
    expect(await onlyEntry(...inBody("1\n0\n4\n", { realSize: "4", contents: "abcd" }))).toMatchObject({
      contents: "abcd",
    });
    expect(
      await onlyEntry(pax(["GNU.sparse.size", "9"], ["GNU.sparse.map", ""]), { name: "x" }),
    ).toMatchObject({
      sparse: { realSize: 9, pieces: [] },
    });
  });

  it("of the old format has four pieces in its header, and 21 in each block that follows", async () => {
    for (const count of [4, 5, 25, 26, 46, 60]) {
      const parts = Array.from({ length: count }, (_, index): Piece => [index * 1024, 512]);
      const contents = "b".repeat(512 * count);
      const found = await onlyEntry(old(parts, { realSize: count * 1024, contents }));
      expect(found.sparse?.pieces).toEqual(parts.map(([offset, size]) => ({ offset, size })));
      expect(found.contents).toBe(contents);
    }
  });

  it.each<[string, readonly RawEntry[]]>([
    ["pieces that overlap", inBody("2\n0\n512\n511\n4\n")],
    ["a piece that ends behind the file", inBody("2\n0\n512\n997\n4\n")],
    ["less pieces than data", inBody("1\n0\n512\n")],
    ["more pieces than data", inBody("2\n0\n512\n700\n5\n")],
    ["half a block before another piece", inBody("2\n0\n4\n400\n512\n")],
    ["a map without its end", inBody("2\n0\n512\n700\n")],
    ["a map that is longer than its body", inBody("3\n0\n512\n700\n4\n", { contents: "" })],
    [
      "a map that ends with its body",
      inBody(`99\n${`${"0".repeat(16)}\n`.repeat(29)}${"0".repeat(16)}`, { contents: "" }),
    ],
    ["a map without lines", inBody("1".repeat(512))],
    ["a number of 17 digits", inBody("1\n00000000000000000\n516\n")],
    ["a number that is not exact", inBody("1\n9007199254740993\n516\n")],
    ["a negative number", inBody("1\n-1\n516\n")],
    ["no number", inBody("1\n\n516\n")],
    ["a real size that is none", inBody("1\n0\n516\n", { realSize: "x" })],
    ["an unknown version", inBody("2\n0\n512\n700\n4\n", { major: "2" })],
    ["another unknown version", inBody("2\n0\n512\n700\n4\n", { minor: "1" })],
    ["no real size", [pax(["GNU.sparse.map", "0,516"]), { name: "x", body: data }]],
    [
      "half a piece",
      [
        pax(["GNU.sparse.size", "1000"], ["GNU.sparse.map", "0,512,700"]),
        { name: "x", body: "a".repeat(512) },
      ],
    ],
    [
      "pieces of the old format that overlap",
      [
        old([
          [0, 512],
          [4, 4],
        ]),
      ],
    ],
  ])("is refused with %s", async (_, entries) => {
    await expect(onlyEntry(...entries)).rejects.toMatchObject(wrong);
  });

  it("of the old format is refused without the blocks that it says", async () => {
    const entry = old(
      [
        [0, 512],
        [700, 4],
      ],
      { extended: true, contents: "" },
    );
    await expect(entriesOf(archiveOf(entry).subarray(0, 512))).rejects.toMatchObject(wrong);
  });

  it("may end with an empty piece, as GNU tar writes it", async () => {
    const found = await onlyEntry(...inBody("2\n0\n4\n1000\n0\n", { contents: "abcd" }));
    expect(found.sparse?.pieces).toEqual([
      { offset: 0, size: 4 },
      { offset: 1000, size: 0 },
    ]);
  });

  it("of the old format is refused as soon as it has too many pieces", async () => {
    const block = Buffer.alloc(512);
    for (let at = 0; at < 504; at += 12) block.write("00000000000\0", at);
    block[504] = 1;
    async function* start(): AsyncGenerator<Uint8Array> {
      yield archiveOf(old([], { extended: true, contents: "" })).subarray(0, 512);
      for (let count = 0; count < 250_021; count += 21) yield block;
      throw new Error("it was read on");
    }
    const reading = (async () => {
      for await (const entry of readTar(start())) void entry;
    })();
    await expect(reading).rejects.toMatchObject(tooMany);
  });

  it("may have a number of 16 digits whose line ends in the next block of its map", async () => {
    const zeros = `${"0".repeat(16)}\n`.repeat(29);
    const map = `15\n${zeros}${"4".padStart(16, "0")}\n`;
    expect(map.indexOf("4")).toBe(511);
    const found = await onlyEntry(...inBody(map, { contents: "abcd" }));
    expect(found.sparse?.pieces.at(-1)).toEqual({ offset: 0, size: 4 });
    expect(found.contents).toBe("abcd");
  });

  it("is refused at the first block of its map that has no lines", async () => {
    const archive = archiveOf(...inBody("1".repeat(4096)));
    async function* start(): AsyncGenerator<Uint8Array> {
      yield archive.subarray(0, 2048);
      throw new Error("it was read on");
    }
    const reading = (async () => {
      for await (const entry of readTar(start())) void entry;
    })();
    await expect(reading).rejects.toMatchObject(wrong);
  });

  it("has 250000 pieces at most", async () => {
    const numbers = Array.from({ length: 250_000 }, (_, index) => [index, 0]).flat();
    expect((await checkedMap(numbers, { realSize: 250_000, size: 0 })).pieces).toHaveLength(250_000);
    await expect(checkedMap([...numbers, 250_000, 0], { realSize: 250_000, size: 0 })).rejects.toMatchObject(
      tooMany,
    );
    await expect(onlyEntry(...inBody("250001\n"))).rejects.toMatchObject(tooMany);
    await expect(onlyEntry(...inBody("250000\n"))).rejects.toMatchObject(wrong);
  });
});

it("is not one because of records of another program", async () => {
  const entry = await onlyEntry(pax(["GNU.sparseness", "1"], ["xGNU.sparse.map", "2"]), file("x"));
  expect(entry).toMatchObject({ sparse: undefined, contents: "hostile" });
  const isDirectory = await onlyEntry(pax(["GNU.sparse.size", "5"]), { name: "./d/", flag: "5" });
  expect(isDirectory).toMatchObject({ type: "directory", sparse: undefined });
});
