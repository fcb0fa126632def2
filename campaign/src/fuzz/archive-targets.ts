import { posix } from "node:path";
import { hostileArchives } from "@ob/core/testing";
import * as fc from "fast-check";
import { layerArchive } from "../../../packages/builder/src/archive/layer-archive.ts";
import type { NewOwner } from "../../../packages/builder/src/archive/new-owner.ts";
import { type ArchiveEntry, readTar } from "../../../packages/builder/src/archive/reader/read-tar.ts";
import { paxEntry, type RawEntry, tarOf } from "../../../packages/core/src/testing/tar/tar-blocks.ts";
import { cuts, mutated, pieces } from "./mutated.ts";
import { asyncTarget, type Target } from "./target.ts";

const maxOutput = 2 ** 26;

const archives = hostileArchives("/nonexistent")
  .map(({ archive }) => archive)
  .filter(({ length }) => length < 2 ** 16);

const right = fc.constantFrom("./a", "./a", "./a/", "./a/c", "./d/", "./d/e", "./f");
const odd = fc.oneof(
  fc.constantFrom(
    "./",
    "./a",
    "./a/",
    "./a/b",
    "./b",
    "./b/a",
    "../a",
    "/a",
    "./a/../b",
    "a//b/./c",
    "",
    "./a\0b",
  ),
  fc
    .array(fc.constantFrom("a", "b", ".", "..", "", "é", "\u001b[2J", "x".repeat(60)), { maxLength: 4 })
    .map((parts) => parts.join("/")),
);
const names = fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: odd });
const numbers = fc.constantFrom(
  "0",
  "7",
  "512",
  "-1",
  "9007199254740991",
  "9007199254740993",
  "1e3",
  "12.5",
  "x",
  "",
);
const keys = [
  ...["path", "linkpath", "size", "mtime", "uid", "gid", "uname", "hdrcharset", "SCHILY.xattr.user.a"],
  ...["SCHILY.xattr.security.capability", "LIBARCHIVE.xattr.user.b", "GNU.sparse.major", "GNU.sparse.minor"],
  ...["GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.size", "GNU.sparse.map", "GNU.sparse.numblocks"],
  ...["GNU.sparse.offset", "GNU.sparse.numbytes"],
];
const record = fc.tuple(
  fc.constantFrom(...keys),
  fc.oneof(names, numbers, fc.constantFrom("0,512", "0,512,512,0", "1,0", "0,0", "dmFsdWU", "1")),
);
const flags = [
  "0",
  "0",
  "0",
  "\0",
  "1",
  "2",
  "3",
  "4",
  "5",
  "5",
  "6",
  "7",
  "S",
  "V",
  "M",
  "L",
  "K",
  "g",
  "A",
];
const plain: fc.Arbitrary<RawEntry> = fc
  .record({
    name: names,
    flag: fc.constantFrom(...flags),
    linkname: names,
    mode: fc.constantFrom(0o644, 0o7777, 0),
    body: fc.constantFrom(
      "",
      "",
      "x",
      "./a\0",
      "1\n0\n512\n".padEnd(512, "\0") + "y".repeat(512),
      "z".repeat(1024),
    ),
  })
  .map((entry) =>
    // What is not a file has no contents.
    "0\u00007S".includes(entry.flag) || entry.mode === 0 ? entry : { ...entry, body: "" },
  );
const long = fc.record({ name: fc.constant("././@LongLink"), flag: fc.constantFrom("L", "K"), body: names });
const extended = fc.array(record, { minLength: 1, maxLength: 5 }).map((records) => paxEntry(records));
/** Archives whose blocks are right, with entries of all kinds in any order. */
const composed = fc
  .tuple(
    fc.constantFrom([], [{ name: "./", flag: "5" }], [{ name: "./", flag: "5" }]),
    fc.array(fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: fc.oneof(extended, long) }), {
      maxLength: 6,
    }),
  )
  .map(([first, entries]) => tarOf(...first, ...entries));
const sent = fc.tuple(fc.oneof(mutated(archives), composed), cuts);

const owners: readonly NewOwner[] = [
  { kind: "same" },
  { kind: "new", owner: undefined },
  { kind: "new", owner: { uid: 1, gid: 2 }, plain: true },
  { kind: "reader" },
];

/** Archives that guests send. */
export const archiveTargets: readonly Target[] = [
  asyncTarget("tar of guests", sent, async ([all, at]) => {
    let count = 0;
    for await (const entry of readTar(stream(all, at))) {
      count += 1;
      if (count > all.length / 512) throw new Error("there are more entries than blocks");
      let length = 0;
      for await (const piece of entry.body) length += piece.length;
      if (length !== entry.size) throw new Error(`${entry.size} bytes are ${length}`);
    }
  }),
  asyncTarget(
    "tar that is written anew",
    fc.tuple(sent, fc.constantFrom(...owners)),
    async ([[all, at], owner]) => {
      const guest = {
        readArchive: () => stream(all, at),
        execInteractive: async () => 0,
        [Symbol.asyncDispose]: async () => undefined,
      };
      const made = layerArchive(async () => guest, {
        items: [{ path: "/x", archivePath: () => "d", bounds: "d" }],
        owner,
        exclude: ["b"],
        skipDevices: true,
      });
      const placed = new Map<string, ArchiveEntry["type"]>();
      for await (const entry of readTar(limited(made, owner))) checkPlace(entry, placed);
    },
  ),
];

/** What is made of an archive must stay below its directory, and go through no link. */
function checkPlace(entry: ArchiveEntry, placed: Map<string, ArchiveEntry["type"]>): void {
  const name = entry.name.replace(/\/$/, "");
  const inside = (each: string): boolean => {
    const parts = each.split("/");
    if (parts[0] !== "d" || parts.some((part) => part === "" || part === "." || part === "..")) return false;
    const parent = posix.dirname(each);
    return each === "d" || placed.get(parent) === "directory";
  };
  const isLink = entry.type === "link";
  const place = JSON.stringify([entry.type, entry.name, entry.linkname]);
  if (!inside(name) || (isLink && !inside(entry.linkname))) throw new Error(`${place} leads out`);
  const before = placed.get(name);
  const wasLink = before === "link" || before === "symlink";
  if (wasLink && entry.type === "directory") throw new Error(`${place} is a link, too`);
  if (entry.type?.endsWith("device") || entry.type === "fifo") throw new Error(`${place} is not skipped`);
  placed.set(name, entry.type);
}

async function* stream(all: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  for (const piece of pieces(all, at)) if (piece.length > 0) yield piece;
}

/** Holes are filled for a plain archive: then only the beginning is looked at. */
async function* limited(made: AsyncIterable<Uint8Array>, owner: NewOwner): AsyncGenerator<Uint8Array> {
  const isFilled = owner.kind === "new" && owner.plain === true;
  let length = 0;
  for await (const piece of made) {
    length += piece.length;
    if (isFilled && length > 2 ** 18) return;
    if (length > maxOutput) throw new Error(`an archive has become more than ${maxOutput} bytes`);
    yield piece;
  }
}
