import { buffer } from "node:stream/consumers";
import type { ArchiveFeature, EphemeralGuest, ObEvent, ReadArchiveOptions } from "@ob/core";
import { directory, file, pax, root } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { layerArchive, type LayerArchiveOptions } from "./layer-archive.ts";
import type { NewOwner } from "./new-owner.ts";
import { archiveOf, entriesOf, type RawEntry, type ReadEntry } from "./reader/read-tar.test.helper.ts";

const symlink: RawEntry = { name: "./s", flag: "2", linkname: "there" };
const hardLink: RawEntry = { name: "./h", flag: "1", linkname: "./first" };
const attribute = pax(["SCHILY.xattr.user.a%3Db", "v"]);
const sparse: readonly RawEntry[] = [
  pax(["GNU.sparse.size", "1000"], ["GNU.sparse.map", "0,512,700,4"]),
  { name: "./holes", body: `${"a".repeat(512)}5678` },
];

function guestWith(archive: Uint8Array, asked: ReadArchiveOptions[] = []): EphemeralGuest {
  return {
    async *readArchive(_, options = {}) {
      asked.push(options);
      yield archive;
    },
    execInteractive: async () => 0,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

interface Copy {
  readonly entries: readonly ReadEntry[];
  readonly features: readonly ArchiveFeature[];
  /** The path and the bounds of each directory that was told. */
  readonly directories: readonly (readonly [string, string | undefined])[];
  readonly texts: readonly string[];
}

interface CopyOptions extends Partial<LayerArchiveOptions> {
  readonly bounds?: string | undefined;
  readonly plain?: boolean | undefined;
}

/** A copy of a directory with these entries to `d` in another guest. */
async function copyOf(
  sent: readonly RawEntry[],
  { bounds, plain, ...options }: CopyOptions = {},
): Promise<Copy> {
  const features: ArchiveFeature[] = [];
  const directories: [string, string | undefined][] = [];
  const texts: string[] = [];
  const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  const owner: NewOwner = {
    ...{ kind: "new", owner: undefined, plain },
    onFeature: (feature) => void features.push(feature),
    onDirectory: (told) =>
      void directories.push([textOf(told.path), told.bounds === undefined ? undefined : textOf(told.bounds)]),
  };
  const emit = (event: ObEvent): void => void (event.type === "log" && texts.push(event.text));
  const archive = archiveOf(root, file("first"), ...sent);
  const items = [{ path: "/x", archivePath: () => "d", bounds }];
  const copied = layerArchive(async () => guestWith(archive), { items, owner, emit, ...options });
  const entries = await entriesOf(await buffer(copied));
  return { entries: entries.slice(2), features, directories, texts };
}

describe("a copy to another guest", () => {
  it.each<[string, RawEntry]>([
    ["file", file("x")],
    ["directory", directory("x")],
    ["symlink", symlink],
    ["fifo", { name: "./p", flag: "6" }],
    ["character-device", { name: "./c", flag: "3" }],
    ["block-device", { name: "./b", flag: "4" }],
  ])("keeps and tells the attributes of a %s", async (type, entry) => {
    const { entries, features, texts } = await copyOf([attribute, entry]);
    const xattrs = new Map([["user.a=b", Buffer.from("v")]]);
    expect(entries).toMatchObject([{ type, xattrs }]);
    expect(features).toEqual(["xattrs"]);
    expect(texts).toEqual([]);
  });

  it("has the attributes of a hard link at its target only", async () => {
    const { entries, features, texts } = await copyOf([attribute, hardLink]);
    expect(entries).toMatchObject([{ name: "d/h", type: "link", linkname: "d/first", xattrs: new Map() }]);
    expect([features, texts]).toEqual([[], []]);
  });

  it("keeps and tells the holes of a file", async () => {
    const { entries, features } = await copyOf(sparse);
    const pieces = [
      { offset: 0, size: 512 },
      { offset: 700, size: 4 },
      { offset: 1000, size: 0 },
    ];
    expect(entries).toMatchObject([{ name: "d/holes", size: 516, sparse: { realSize: 1000, pieces } }]);
    expect(features).toEqual(["sparse"]);
  });

  it("keeps the numbers of devices", async () => {
    const patch = (header: Buffer): void => {
      header.write("0000010\0", 329);
      header.write("0000011\0", 337);
    };
    const { entries } = await copyOf([{ name: "./c", flag: "3", patch }]);
    expect(entries).toMatchObject([{ name: "d/c", devmajor: 8, devminor: 9 }]);
  });

  it("tells links that are not trusted, and no others", async () => {
    for (const link of [symlink, hardLink]) {
      expect((await copyOf([link], { bounds: "d" })).features).toEqual(["links"]);
      expect((await copyOf([link])).features).toEqual([]);
    }
    expect((await copyOf([file("x"), directory("y")], { bounds: "d" })).features).toEqual([]);
  });

  it("tells what directories are to stay below, if anything", async () => {
    expect((await copyOf([directory("y")], { bounds: "é" })).directories).toEqual([
      ["d", "é"],
      ["d/y", "é"],
    ]);
    expect((await copyOf([directory("y")])).directories).toEqual([
      ["d", undefined],
      ["d/y", undefined],
    ]);
  });

  it("for a plain tar has neither attributes nor holes, and says which attributes", async () => {
    const { entries, features, texts } = await copyOf([attribute, file("x"), ...sparse], { plain: true });
    const filled = `${"a".repeat(512)}${"\0".repeat(188)}5678`.padEnd(1000, "\0");
    expect(entries).toMatchObject([
      { name: "d/x", contents: "hostile", xattrs: new Map() },
      { name: "d/holes", size: 1000, sparse: undefined, contents: filled },
    ]);
    expect(features).toEqual([]);
    expect(texts).toEqual(['Extended attributes were left out: user.a=b of "d/x".']);
  });

  it("keeps attributes whose names are not text", async () => {
    const { entries } = await copyOf([pax(["SCHILY.xattr.user.\u00e9", "v"]), file("x")]);
    expect(entries).toMatchObject([{ xattrs: new Map([["user.\u00e9", Buffer.from("v")]]) }]);
  });

  it("need not be told anything", async () => {
    const owner: NewOwner = { kind: "new", owner: undefined };
    const { entries } = await copyOf([attribute, directory("y"), symlink, ...sparse], { owner, bounds: "d" });
    expect(entries.map(({ name }) => name)).toEqual(["d/y/", "d/s", "d/holes"]);
  });

  it("of a large file comes before the guest has sent all of it", async () => {
    const archive = archiveOf({ name: "./x", body: "x".repeat(3 << 20) });
    const { promise: arrived, resolve } = Promise.withResolvers<void>();
    const guest: EphemeralGuest = {
      ...guestWith(archive),
      async *readArchive() {
        yield archive.subarray(0, 2 << 20);
        await arrived;
        yield archive.subarray(2 << 20);
      },
    };
    const items = [{ path: "/x", archivePath: () => "d" }];
    const pieces: Uint8Array[] = [];
    const copied = layerArchive(async () => guest, { items, owner: { kind: "same" } });
    for await (const piece of copied as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      resolve();
    }
    expect(await entriesOf(Buffer.concat(pieces))).toMatchObject([{ name: "d", size: 3 << 20 }]);
  });

  it("is refused if it has a hard link to what it leaves out", async () => {
    await expect(copyOf([hardLink], { exclude: ["first"] })).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: '"./h" is a hard link to "./first", which is excluded.',
      hint: "Exclude both, or neither.",
    });
  });

  it("skips devices and pipes if it is asked to, each with a warning", async () => {
    const sent = [
      { name: "./p", flag: "6" },
      { name: "./c", flag: "3" },
      { name: "./b", flag: "4" },
    ];
    expect(await copyOf(sent, { skipDevices: true })).toMatchObject({
      entries: [],
      texts: [
        'Skipped "d/p", which is a fifo.',
        'Skipped "d/c", which is a character device.',
        'Skipped "d/b", which is a block device.',
      ],
    });
    expect((await copyOf(sent)).entries).toHaveLength(3);
  });
});

describe("the guest", () => {
  it("is asked with the options of the archive", async () => {
    const asked: ReadArchiveOptions[] = [];
    const { signal } = new AbortController();
    const reading = layerArchive(async () => guestWith(archiveOf(root), asked), {
      items: [{ path: "/x", archivePath: () => "" }],
      owner: { kind: "same" },
      ...{ exclude: ["a"], followLinks: true, followAllLinks: false, signal },
    });
    await buffer(reading);
    expect(asked).toEqual([{ exclude: ["a"], followLink: true, followAllLinks: false, signal }]);
  });

  it("may send one file where it was asked for one", async () => {
    const items = [{ path: "/x", archivePath: () => "d" }];
    const sending = (...entries: readonly RawEntry[]): Promise<Buffer> =>
      buffer(layerArchive(async () => guestWith(archiveOf(...entries)), { items, owner: { kind: "same" } }));
    expect(await entriesOf(await sending(file("x")))).toMatchObject([{ name: "d", contents: "hostile" }]);
    await expect(sending(file("x"), file("y"))).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: 'The guest\'s tar wrote a broken archive: "./y" is not asked for.',
    });
  });
});

it.each([
  ["items", "an array"],
  ["exclude", "an array"],
  ["owner", "an object"],
  ["emit", "a function"],
])("an archive of a layer is refused with a wrong option %s", (name, kind) => {
  const right = { items: [], exclude: [], owner: { kind: "same" }, emit: () => undefined } as const;
  const wrong = { ...right, [name]: 1 } as unknown as LayerArchiveOptions;
  expect(() => layerArchive(async () => guestWith(archiveOf(root)), wrong)).toThrow(
    new TypeError(`layerArchive: ${name} must be ${kind}, not a number.`),
  );
});
