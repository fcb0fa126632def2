import { execFileSync } from "node:child_process";
import type { EphemeralGuest } from "@ob/core";
import { file, hostileArchives, pax } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { compareTrees, readLayerTree, type TreeLimits } from "./layer-tree.ts";
import { archiveOf, type RawEntry } from "./reader/read-tar.test.helper.ts";

const twin = (name: string, linkname: string): RawEntry => ({ name: `./${name}`, flag: "1", linkname });

function guestWith(archive: Uint8Array): EphemeralGuest {
  return {
    async *readArchive() {
      yield archive;
    },
    execInteractive: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** The tree of the files that a shell makes in an empty directory, archived in the order of the names given. */
async function treeOf(script: string, ...names: readonly string[]) {
  const archive = execFileSync("sh", [
    "-c",
    `d=$(mktemp -d) && cd "$d" && (umask 022; ${script}) >&2 && tar --owner=1 --group=1 -cf - ${names.join(" ") || "."}; rm -r "$d"`,
  ]);
  return await readLayerTree(guestWith(archive), "/srv");
}

describe("the trees of two layers", () => {
  it("differ by kinds, modes, links and contents, and not by times", async () => {
    const before = await treeOf(
      "mkdir d; echo a >same; echo a >content; echo a >mode; ln -s a link; mkdir kind; echo a >gone",
    );
    const after = await treeOf(
      "mkdir d; echo a >same; touch -d @9 same; echo b >content; echo a >mode; chmod 600 mode; ln -s b link; echo a >kind; echo a >d/new",
    );
    expect(compareTrees(before, after)).toEqual([
      { kind: "changed", path: "/srv/content" },
      { kind: "added", path: "/srv/d/new" },
      { kind: "deleted", path: "/srv/gone" },
      { kind: "changed", path: "/srv/kind" },
      { kind: "changed", path: "/srv/link" },
      { kind: "changed", path: "/srv/mode" },
    ]);
  });

  it("are the same whichever name of a file the archive has as the link", async () => {
    const make = "echo a >a; ln a b";
    expect(compareTrees(await treeOf(make, "a", "b"), await treeOf(make, "b", "a"))).toEqual([]);
  });
});

/** What differs if the entries of an archive are others. */
async function changesOf(before: readonly RawEntry[], after: readonly RawEntry[]) {
  const [old, now] = await Promise.all(
    [before, after].map(async (entries) => await readLayerTree(guestWith(archiveOf(...entries)), "/srv/")),
  );
  return compareTrees(old ?? new Map(), now ?? new Map()).map(({ kind, path }) => `${kind} ${path}`);
}

describe("a file", () => {
  const field = (entry: RawEntry, at: number): RawEntry => ({
    ...entry,
    patch: (header) => void header.write("0000005\0", at),
  });
  const device: RawEntry = { name: "./x", flag: "3" };
  const data = { name: "./x", body: "a".repeat(512) };
  const sparse = (map: string) => [pax(["GNU.sparse.size", "9999"], ["GNU.sparse.map", map]), data];

  it.each<[string, readonly RawEntry[], readonly RawEntry[]]>([
    ["owner", [file("x")], [field(file("x"), 108)]],
    ["group", [file("x")], [field(file("x"), 116)]],
    ["device", [device], [field(device, 329)]],
    ["device's second number", [device], [field(device, 337)]],
    ["kind of device", [device], [{ ...device, flag: "4" }]],
    ["attributes", [file("x")], [pax(["SCHILY.xattr.user.a", ""]), file("x")]],
    [
      "name of an attribute",
      [pax(["SCHILY.xattr.user.a", "v"]), file("x")],
      [pax(["SCHILY.xattr.user.b", "v"]), file("x")],
    ],
    [
      "value of an attribute",
      [pax(["SCHILY.xattr.user.a", "\u00ff"]), file("x")],
      [pax(["SCHILY.xattr.user.a", "\u00fe"]), file("x")],
    ],
    ["holes", sparse("0,512"), sparse("1024,512")],
    ["holes instead of none", [data], sparse("0,512")],
    ["hard link", [file("a"), file("b"), twin("x", "./a")], [file("a"), file("b"), device]],
  ])("has changed if it has another %s", async (_, before, after) => {
    expect(await changesOf(before, after)).toEqual(["changed /srv/x"]);
    expect(await changesOf(before, before)).toEqual([]);
  });

  it("has changed if it is a link to another file", async () => {
    const files = [file("a"), { name: "./b", body: "other" }];
    expect(await changesOf([...files, twin("x", "./a")], [...files, twin("x", "./b")])).toEqual([
      "changed /srv/x",
    ]);
    expect(await changesOf([twin("x", "./a")], [twin("x", "./b")])).toEqual(["changed /srv/x"]);
  });

  it("has not changed if another name of it is the link", async () => {
    expect(await changesOf([file("a"), twin("b", "./a")], [file("b"), twin("a", "./b")])).toEqual([]);
  });

  it("comes in the order of the bytes of its path", async () => {
    const names = ["\u{1f642}", "\uff5e", "a", "Z"].map((name) => [pax(["path", `./${name}`]), file("x")]);
    const sorted = ["/srv/Z", "/srv/a", "/srv/\uff5e", "/srv/\u{1f642}"];
    expect(await changesOf([], names.flat())).toEqual(sorted.map((path) => `added ${path}`));
    expect(await changesOf(names.flat(), [])).toEqual(sorted.map((path) => `deleted ${path}`));
  });
});

describe("what a guest sends", () => {
  const reading = async (limits: TreeLimits) =>
    await readLayerTree(guestWith(archiveOf(file("a"), file("b"))), "/s", { limits });
  const refused = {
    code: "BAD_SOURCE",
    message: "The guest sends more files below /s than any layer has.",
  };

  it("has a number of files at most, and of characters in their paths", async () => {
    const characters = "/s/a/s/b".length;
    expect([...(await reading({ entries: 2, characters })).keys()]).toEqual(["/s/a", "/s/b"]);
    await expect(reading({ entries: 1, characters })).rejects.toMatchObject(refused);
    await expect(reading({ entries: 2, characters: characters - 1 })).rejects.toMatchObject(refused);
  });

  it("is asked for with the signal", async () => {
    const { signal } = new AbortController();
    const asked: unknown[] = [];
    const guest: EphemeralGuest = {
      ...guestWith(Buffer.alloc(0)),
      async *readArchive(...words) {
        asked.push(words);
        yield archiveOf();
      },
    };
    expect(await readLayerTree(guest, "/s", { signal })).toEqual(new Map());
    expect(asked).toEqual([["/s", { signal }]]);
  });
});

describe("a hostile archive", () => {
  it.each(hostileArchives("/nonexistent"))(
    "is read or refused, and only named: $what",
    async ({ archive }) => {
      const reading = readLayerTree(guestWith(archive), "/");
      await expect(
        reading.then(
          (tree) => [...tree.keys()].every((path) => path.startsWith("/")),
          (error: unknown) => error instanceof Error && "code" in error && error.code === "BAD_SOURCE",
        ),
      ).resolves.toBe(true);
    },
  );
});
