import { directory, file, link, pax, type Refused, tree, type HostileArchive } from "./hostile-entries.ts";
import { archiveEnd, entryBlocks, type RawEntry } from "./tar-blocks.ts";

/** A size in base 256. */
function base256(...bytes: readonly number[]): Buffer {
  return Buffer.from([...bytes.slice(0, 1), ...Buffer.alloc(12 - bytes.length), ...bytes.slice(1)]);
}

const early = "it ends early";
const whole = tree(file("x"));

/** Files that are not archives, or end in an entry. */
export function damaged(refused: Refused): readonly HostileArchive[] {
  return [...cutShort(refused), ...wrongSizes(refused), ...extendedHeaders(refused)];
}

function cutShort(refused: Refused): readonly HostileArchive[] {
  return [
    refused("nothing", early, Buffer.alloc(0)),
    refused("half a header", early, whole.subarray(0, 700)),
    refused("half a file", early, whole.subarray(0, 1030)),
    refused("no end", early, whole.subarray(0, -archiveEnd.length)),
    refused("half an end", early, whole.subarray(0, -512)),
    refused("words", "unknown format", Buffer.alloc(4096, "Welcome! ")),
    refused(
      "a wrong checksum",
      "a header is damaged",
      tree({ ...file("x"), damage: (header) => void header.write("y", 2) }),
    ),
    refused(
      "data after its end",
      "continues after its end",
      Buffer.concat([whole, entryBlocks(file("late"))]),
    ),
    refused(
      "a lone block of zeros",
      "continues after its end",
      Buffer.concat([tree().subarray(0, -512), entryBlocks(file("late")), archiveEnd]),
    ),
    refused("endless zeros", "continues after its end", Buffer.concat([whole, Buffer.alloc(5 << 20)])),
  ];
}

function wrongSizes(refused: Refused): readonly HostileArchive[] {
  const number = "a header has a wrong number";
  const patched = (at: number, text: string | Buffer): RawEntry => ({
    ...file("x"),
    patch: (header) => {
      header.set(Buffer.from(text), at);
    },
  });
  return [
    refused("a size of letters", number, tree(patched(124, "0000000zzzz\0"))),
    refused("a negative size", number, tree({ ...file("x"), size: Buffer.alloc(12, 0xff) })),
    refused(
      "a size beyond any disk",
      number,
      tree({ ...file("x"), size: base256(0x80, 1, 0, 0, 0, 0, 0, 0, 0) }),
    ),
    refused("a size that is not there", early, tree({ ...file("x"), size: base256(0x80, 1, 0, 0, 0, 0) })),
    refused(
      "a size of a pax header that is not there",
      early,
      tree(pax(["size", "9007199254740991"]), file("x")),
    ),
    refused(
      "a negative size in a pax header",
      "an extended header has a wrong number",
      tree(pax(["size", "-1"]), file("x")),
    ),
    refused(
      "a directory with contents",
      "that is not a file has contents",
      tree({ ...directory("d"), body: "x" }),
    ),
    refused(
      "a link with contents",
      "that is not a file has contents",
      tree({ ...link("l", "x"), body: "x" }),
    ),
  ];
}

function extendedHeaders(refused: Refused): readonly HostileArchive[] {
  const extended = "an extended header is damaged";
  return [
    refused("a bomb of an extended header", "too large", tree({ name: "x", flag: "x", size: 1 << 30 })),
    refused(
      "a bomb of a long name",
      "too large",
      tree({ name: "x", flag: "L", size: base256(0x80, 1, 0, 0, 0, 0) }),
    ),
    refused(
      "two extended headers",
      "two extended headers",
      tree(pax(["path", "./a"]), pax(["path", "./b"]), file("x")),
    ),
    refused("an extended header without an entry", "has no entry", tree(pax(["path", "./a"]))),
    refused(
      "a pax record that is too long",
      extended,
      tree({ name: "x", flag: "x", body: "99 path=x\n" }, file("x")),
    ),
    refused(
      "a pax record that is too short",
      extended,
      tree({ name: "x", flag: "x", body: "3 path=x\n" }, file("x")),
    ),
    refused(
      "a pax record of no length",
      extended,
      tree({ name: "x", flag: "x", body: "0 path=x\n" }, file("x")),
    ),
    refused(
      "a pax record without a key",
      extended,
      tree({ name: "x", flag: "x", body: "5 =x\n" }, file("x")),
    ),
  ];
}
