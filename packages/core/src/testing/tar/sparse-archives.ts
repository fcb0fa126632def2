import { file, type Kept, pax, type Refused, tree, type HostileArchive } from "./hostile-entries.ts";
import type { RawEntry } from "./tar-blocks.ts";

const sparseOne = (realSize: string, body: string | Buffer): readonly RawEntry[] => [
  pax(
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "./sparse"],
    ["GNU.sparse.realsize", realSize],
  ),
  { name: "./GNUSparseFile.0/sparse", body },
];
/** A piece of one block, and one of four bytes. */
const sparseData = `${"a".repeat(512)}5678`;
const mapText = (text: string, data = ""): Buffer => {
  const map = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  map.write(text);
  return Buffer.concat([map, Buffer.from(data)]);
};
const sparseZero = (map: string, size = "1000"): readonly RawEntry[] => [
  pax(["GNU.sparse.size", size], ["GNU.sparse.map", map]),
  { name: "./sparse", body: sparseData },
];
const oldSparse = (
  pieces: readonly (readonly [number, number])[],
  realSize: number,
  isExtended = false,
): RawEntry => ({
  name: "./sparse",
  flag: "S",
  body: sparseData,
  patch: (header) => {
    pieces.forEach((piece, index) => {
      piece.forEach((value, half) => {
        header.write(`${value.toString(8).padStart(11, "0")}\0`, 386 + 24 * index + 12 * half);
      });
    });
    header[482] = isExtended ? 1 : 0;
    header.write(`${realSize.toString(8).padStart(11, "0")}\0`, 483);
  },
});

const wrongMap = "the map of a sparse file is wrong";

/** Files with holes. */
export function sparse(refused: Refused, kept: Kept): readonly HostileArchive[] {
  const many = "more than 250000 pieces";
  return [
    kept(
      "a sparse file of version 1.0",
      ["sparse"],
      tree(...sparseOne("1000", mapText("2\n0\n512\n700\n4\n", sparseData))),
    ),
    kept("a sparse file of version 0.1", ["sparse"], tree(...sparseZero("0,512,700,4"))),
    kept(
      "a sparse file of old GNU tar",
      ["sparse"],
      tree(
        oldSparse(
          [
            [0, 512],
            [700, 4],
          ],
          1000,
        ),
      ),
    ),
    refused("pieces that tars find at different places", wrongMap, tree(...sparseZero("0,4,500,512"))),
    refused("pieces that overlap", wrongMap, tree(...sparseZero("0,512,2,4"))),
    refused("pieces out of order", wrongMap, tree(...sparseZero("400,512,0,4"))),
    refused("a piece beyond the file", wrongMap, tree(...sparseZero("0,512,998,4"))),
    refused("more pieces than data", wrongMap, tree(...sparseZero("0,512,700,40"))),
    refused("less pieces than data", wrongMap, tree(...sparseZero("0,512"))),
    refused("half a piece", wrongMap, tree(...sparseZero("0,512,700"))),
    refused("a negative offset", wrongMap, tree(...sparseZero("-4,516"))),
    refused("a size beyond any number", wrongMap, tree(...sparseZero("0,516", "99999999999999999999"))),
    refused(
      "pieces of the old format that overlap",
      wrongMap,
      tree(
        oldSparse(
          [
            [0, 512],
            [2, 4],
          ],
          1000,
        ),
      ),
    ),
    refused(
      "a map of the old format that never ends",
      "a header has a wrong number",
      tree(oldSparse([[0, 516]], 1000, true)),
    ),
    refused("a count beyond any map", many, tree(...sparseOne("1000", mapText("1000001\n0\n4\n")))),
    refused("a map without an end", wrongMap, tree(...sparseOne("1000", mapText("2\n0\n4\n")))),
    refused("a map without numbers", wrongMap, tree(...sparseOne("1000", Buffer.alloc(4096, "9")))),
    refused("a map of letters", wrongMap, tree(...sparseOne("1000", mapText("x\ny\n")))),
    refused(
      "an unknown version",
      wrongMap,
      tree(pax(["GNU.sparse.major", "7"], ["GNU.sparse.realsize", "9"]), file("x")),
    ),
  ];
}

/** Extended attributes. */
export function attributes(refused: Refused, kept: Kept): readonly HostileArchive[] {
  const wrong = "an extended attribute is wrong";
  const attribute = (name: string, value: string | Buffer = "v"): Buffer =>
    tree(pax([name, value]), file("x"));
  return [
    kept(
      "capabilities and attributes",
      ["x"],
      tree(pax(["SCHILY.xattr.security.capability", "v"], ["SCHILY.xattr.user.a", "v"]), file("x")),
    ),
    kept("unknown records", ["x"], attribute("EVIL.thing")),
    refused("an attribute without a namespace", wrong, attribute("SCHILY.xattr.capability")),
    refused("an attribute that drives a terminal", wrong, attribute("SCHILY.xattr.user.\u001b[2J")),
    refused("an attribute with a long name", wrong, attribute(`SCHILY.xattr.user.${"x".repeat(300)}`)),
    refused("an attribute with a NUL", wrong, attribute("LIBARCHIVE.xattr.user.%00x")),
    refused("an attribute that is too large", wrong, attribute("SCHILY.xattr.user.x", Buffer.alloc(70_000))),
  ];
}
