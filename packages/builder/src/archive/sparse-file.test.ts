import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { inPieces } from "./reader/read-tar.test.helper.ts";
import { filledFile, sparseFile } from "./sparse-file.ts";

describe("the map of a sparse file", () => {
  it("comes in whole blocks before its data, without empty pieces, and with the file's end", async () => {
    const pieces = [
      { offset: 0, size: 512 },
      { offset: 600, size: 0 },
      { offset: 700, size: 4 },
    ];
    const { records, mapBlock } = await sparseFile({ realSize: 1000, pieces }, "d/x");
    expect(mapBlock.toString("latin1")).toBe("3\n0\n512\n700\n4\n1000\n0\n".padEnd(512, "\0"));
    expect([...records]).toEqual([
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.name", "d/x"],
      ["GNU.sparse.realsize", "1000"],
    ]);
  });

  it("has no block more than it needs", async () => {
    // 4 + 84 * 6 + 4 bytes are one block.
    const pieces = Array.from({ length: 84 }, (_, index) => ({ offset: 100 + index, size: 1 }));
    const { mapBlock } = await sparseFile({ realSize: 9, pieces }, "x");
    expect(mapBlock.toString("latin1")).toMatch(/^85\n(?:1\d\d\n1\n)+9\n0\n\0*$/);
    const end = mapBlock.indexOf(0);
    expect(mapBlock.length).toBe(Math.ceil((end < 0 ? mapBlock.length : end) / 512) * 512);
  });

  it("is whole if it has many pieces", async () => {
    const pieces = Array.from({ length: 45_000 }, (_, index) => ({ offset: index * 10, size: 5 }));
    const { mapBlock } = await sparseFile({ realSize: 450_000, pieces }, "x");
    const numbers = mapBlock.toString("latin1").replace(/\0+$/, "").trimEnd().split("\n").map(Number);
    const expected = [...pieces, { offset: 450_000, size: 0 }].flatMap(({ offset, size }) => [offset, size]);
    expect(numbers).toEqual([45_001, ...expected]);
  });
});

describe("a sparse file with its holes", () => {
  const data = Buffer.from("abcdefgh");
  const pieces = [
    { offset: 3, size: 5 },
    { offset: 8, size: 1 },
    { offset: 200_000, size: 2 },
  ];
  const whole = Buffer.alloc(300_000);
  whole.write("abcdef", 3);
  whole.write("gh", 200_000);

  it.each([1, 4, 100])("is whole, from pieces of %i bytes", async (length) => {
    const filled = filledFile({ realSize: 300_000, pieces }, inPieces(data, length));
    expect((await buffer(filled)).equals(whole)).toBe(true);
  });

  it("is never in memory as a whole", async () => {
    for await (const piece of filledFile({ realSize: 1 << 20, pieces: [] }, inPieces(Buffer.alloc(0))))
      expect(piece.length).toBeLessThanOrEqual(65_536);
  });

  it("may be nothing but a hole, or end with data", async () => {
    const hole = filledFile({ realSize: 4, pieces: [] }, inPieces(Buffer.alloc(0)));
    expect(await buffer(hole)).toEqual(Buffer.alloc(4));
    const ending = filledFile({ realSize: 4, pieces: [{ offset: 2, size: 2 }] }, inPieces(Buffer.from("ab")));
    expect(await buffer(ending)).toEqual(Buffer.from("\0\0ab"));
  });

  it("ends with an error if data is missing", async () => {
    const filled = filledFile({ realSize: 300_000, pieces }, inPieces(data.subarray(1)));
    await expect(buffer(filled)).rejects.toThrow(new TypeError("the data is shorter than its map"));
  });
});
