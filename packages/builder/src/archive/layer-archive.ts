import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import {
  type Emit,
  type GuestVisit,
  isObError,
  messageOf,
  ObError,
  type OpenArchiveOptions,
  silent,
  systemCode,
} from "@ob/core";
import { fromBytes, toBytes } from "@ob/spec";
import { extract, type Extract, type Header, type Pack } from "tar-stream";
import { withPaxHeader, type TarHeader, directoryHeader, type Owner, ownership, root } from "./tar-header.ts";
import { packArchive, parentsOf, writeEntry } from "./tar-writer.ts";

/** Something of a layer, and where it comes to lie. */
export interface LayerItem {
  /** See `GuestVisit.readArchive`. */
  readonly path: string;
  /** Its place in the archive, without a slash at either end; empty for the archive's root, which has no entry. */
  readonly place: (isDirectory: boolean) => string;
}

/** Whom the entries belong to. */
export type NewOwner =
  /** Whoever has them in the layer. */
  | { readonly kind: "same" }
  /** Who gets the copy in another guest; see there. */
  | ({ readonly kind: "new" } & OpenArchiveOptions)
  /** Whoever unpacks them. */
  | { readonly kind: "reader" };

export interface LayerArchiveOptions {
  readonly items: readonly LayerItem[];
  /** Base names that are left out of directories at any depth. */
  readonly exclude?: readonly string[] | undefined;
  readonly owner: NewOwner;
  /** Takes what a link at the end of an item's path leads to, in the place of the link. */
  readonly followLinks?: boolean | undefined;
  /** Leaves out devices and pipes, with a warning. */
  readonly skipDevices?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/**
 * A tar archive of parts of a layer, with their modes and times. A file that changes hands loses its set-user-id and
 * set-group-id bits: they would give away the new owner's rights. The stream fails with what `readArchive` throws, and
 * with `BAD_SOURCE` for an archive that leads out of the place it is for.
 */
export function layerArchive(visit: () => Promise<GuestVisit>, options: LayerArchiveOptions): Readable {
  const { items, exclude, followLinks: followLink, signal } = options;
  return packArchive(async (pack) => {
    const guest = await visit();
    const parents = new Set<string>();
    for (const item of items) {
      try {
        await sendItem(pack, guest.readArchive(item.path, { exclude, followLink, signal }), {
          ...options,
          item,
          parents,
        });
      } catch (error) {
        throw explain(error);
      }
    }
  });
}

/** An entry of an archive that is read, with its body. */
type Entry = Extract extends AsyncIterable<infer Each> ? Each : never;

interface ItemOptions extends LayerArchiveOptions {
  readonly item: LayerItem;
  /** The directories around the items that the archive has already. */
  readonly parents: Set<string>;
}

async function sendItem(pack: Pack, archive: AsyncIterable<Uint8Array>, options: ItemOptions): Promise<void> {
  const { item, exclude = [] } = options;
  let top: { readonly isDirectory: boolean; readonly place: string } | undefined;
  for await (const entry of entriesOf(archive)) {
    const isDirectory = entry.header.type === "directory";
    // The first entry is the item itself, and the only one unless it is a directory.
    if (!top) {
      top = { isDirectory, place: item.place(isDirectory) };
      await sendParents(pack, { ...options, header: entry.header, place: top.place });
    }
    const { place, isDirectory: isTree } = top;
    const at = (name: string): string => [place, ...partsOf(name)].filter((part) => part !== "").join("/");
    const isDropped = (name: string): boolean =>
      isTree && partsOf(name).some((part) => exclude.includes(part));

    const name = nameOf(entry.header, "name");
    const placed = isTree ? at(name) : place;
    if (placed === "" || isDropped(name)) {
      entry.resume();
      continue;
    }
    const isHardLink = entry.header.type === "link";
    // A symbolic link leads where it says, and a hard link to another entry.
    const link = isHardLink || entry.header.type === "symlink" ? nameOf(entry.header, "linkname") : "";
    if (isHardLink && isDropped(link)) throw linkToNothing(name, link);
    const linkname = isHardLink ? at(link) : link;
    await sendEntry(pack, entry, { ...options, name: placed, linkname });
  }
}

interface ParentsOptions extends ItemOptions {
  readonly header: Header;
  readonly place: string;
}

/** They are the new owner's where a guest has none. */
async function sendParents(pack: Pack, { owner, header, place, parents }: ParentsOptions): Promise<void> {
  if (owner.kind !== "new" || !owner.owner) return;
  for (const parent of parentsOf(place).filter((each) => !parents.has(each))) {
    await writeEntry(pack, directoryHeader(parent, ownerAndTime(header, owner)));
    owner.onDirectory?.({ path: toBytes(parent), isParent: true });
    parents.add(parent);
  }
}

interface EntryOptions extends LayerArchiveOptions {
  readonly name: string;
  /** Empty unless the entry is a link of either kind. */
  readonly linkname: string;
}

async function sendEntry(pack: Pack, entry: Entry, options: EntryOptions): Promise<void> {
  const { name, linkname, skipDevices = false, emit = silent } = options;
  const { header } = entry;
  const { type } = header;
  const common = { ...ownerAndTime(header, options.owner), mode: modeOf(header, options.owner) };
  switch (type) {
    case "file":
    case "contiguous-file":
      return await sendFile(pack, entry, { ...common, name, type: "file", size: header.size });
    case "directory":
      await writeEntry(pack, { ...common, name: `${name}/`, type });
      if (options.owner.kind === "new") options.owner.onDirectory?.({ path: toBytes(name), isParent: false });
      break;
    case "link":
    case "symlink":
      await writeEntry(pack, { ...common, name, type, linkname });
      break;
    case "fifo":
    case "character-device":
    case "block-device":
      if (skipDevices) {
        emit({
          type: "log",
          level: "warning",
          text: `Left out ${name}, which is a ${type.replace("-", " ")}.`,
        });
      } else {
        const { devmajor, devminor } = header;
        await writeEntry(pack, { ...common, name, type, devmajor, devminor });
      }
      break;
    default:
      throw new ObError("BAD_SOURCE", `${JSON.stringify(name)} is nothing that can be copied.`);
  }
  entry.resume();
}

/** Files up to this size are sent in one piece. */
const wholeBytes = 1 << 20;

async function sendFile(
  pack: Pack,
  entry: Entry,
  header: TarHeader & { readonly size: number },
): Promise<void> {
  if (header.size > wholeBytes) {
    await pipeline(bodyOf(entry), pack.entry(withPaxHeader(pack, header)));
    return;
  }
  await writeEntry(pack, header, await buffer(entry));
}

/** Names are bytes: a character stands for each. */
const readerOptions = { filenameEncoding: "latin1", highWaterMark: 1 << 16 };

/** The entries as they come. What breaks the archive off comes out here. */
async function* entriesOf(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Entry> {
  const reader = extract(readerOptions);
  const fed = pipeline(archive, reader);
  fed.catch(() => undefined);
  try {
    yield* reader;
    await fed;
  } finally {
    reader.destroy();
  }
}

/** An entry's bytes. Its error would else reach the reader of the new archive before anyone explains it. */
async function* bodyOf(entry: Entry): AsyncGenerator {
  try {
    yield* entry;
  } catch (error) {
    throw explain(error);
  }
}

/** What tar-stream says of bytes that are no archive has no code. */
function explain(error: unknown): unknown {
  if (isObError(error) || systemCode(error) !== undefined) return error;
  return new ObError("BAD_SOURCE", `The guest's tar gives a broken archive: ${messageOf(error)}.`, {
    cause: error,
    hint: "Look at the guest's tar, and at what its shell prints when it starts.",
  });
}

/** A name of the header, in the form that `fromBytes` gives. Only tars that write extended headers have text in it. */
function nameOf(header: Header, field: "name" | "linkname"): string {
  const value = header[field];
  const key = field === "name" ? "path" : "linkpath";
  const { pax } = header;
  return typeof pax === "object" && pax !== null && key in pax
    ? value
    : fromBytes(Buffer.from(value, "latin1"));
}

/** @throws ObError `BAD_SOURCE` if it leads out of the tree it is in. */
function partsOf(name: string): readonly string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (!name.startsWith("/") && !parts.includes("..")) return parts;
  throw new ObError(
    "BAD_SOURCE",
    `The guest's tar gives a name that leads elsewhere: ${JSON.stringify(name)}.`,
  );
}

function linkToNothing(name: string, link: string): ObError {
  return new ObError("BAD_SOURCE", `${name} is a hard link to ${link}, which is left out.`, {
    hint: "Leave out both, or none.",
  });
}

function ownerAndTime(header: Header, owner: NewOwner) {
  return ownership(newOwnerOf(header, owner), header.mtime.getTime() / 1000);
}

function newOwnerOf({ uid, gid, uname, gname }: Header, owner: NewOwner): Owner {
  switch (owner.kind) {
    case "same":
      return { uid, gid, userName: uname, groupName: gname };
    case "new":
      return owner.owner ?? root;
    case "reader":
      return root;
  }
}

const setUserId = 0o4000;
const setGroupId = 0o2000;

function modeOf(header: Header, owner: NewOwner): number {
  if (header.type === "symlink") return 0o777;
  const mode = header.mode & 0o7777;
  if (owner.kind === "same") return mode;
  const { uid, gid } = newOwnerOf(header, owner);
  const known = owner.kind === "new";
  const lost = (known && uid === header.uid ? 0 : setUserId) | (known && gid === header.gid ? 0 : setGroupId);
  return mode & ~lost;
}
