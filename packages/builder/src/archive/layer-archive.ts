import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import {
  checkOptions,
  type Emit,
  type EphemeralGuest,
  isObError,
  errorMessage,
  ObError,
  noopEmit,
  errnoCode,
} from "@ob/core";
import { fromBytes, toBytes } from "@ob/spec";
import { extract, type Extract, type Header, type Pack } from "tar-stream";
import { modeOf, type NewOwner, ownerAndTime } from "./new-owner.ts";
import { directoryHeader, type TarHeader, withPaxHeader } from "./tar-header.ts";
import { packArchive, parentsOf, writeEntry } from "./tar-writer.ts";

/** A file or directory of a layer, and its path in the archive. */
export interface LayerItem {
  /** See `EphemeralGuest.readArchive`. */
  readonly path: string;
  /** Its path in the archive, without a slash at either end; empty for the archive's root, which has no entry. */
  readonly archivePath: (isDirectory: boolean) => string;
}

export interface LayerArchiveOptions {
  readonly items: readonly LayerItem[];
  /** Base names that are left out of directories at any depth. */
  readonly exclude?: readonly string[] | undefined;
  readonly owner: NewOwner;
  /** Takes the target of a link at the end of an item's path instead of the link. */
  readonly followLinks?: boolean | undefined;
  /** Skips devices and pipes, with a warning. */
  readonly skipDevices?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/**
 * A tar archive of parts of a layer, with their modes and times. A file with a new owner loses its set-user-id and
 * set-group-id bits, which would grant the new owner's rights. The stream fails with the errors of `readArchive`, and
 * with `BAD_SOURCE` for an archive with paths out of its directory.
 */
export function layerArchive(open: () => Promise<EphemeralGuest>, options: LayerArchiveOptions): Readable {
  checkOptions("layerArchive", options, {
    items: "array",
    exclude: "array?",
    owner: "object",
    emit: "function?",
  });
  const { items, exclude, followLinks: followLink, signal } = options;
  return packArchive(async (pack) => {
    const guest = await open();
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

/** An entry of the guest's archive, with its body. */
type Entry = Extract extends AsyncIterable<infer Each> ? Each : never;

interface ItemOptions extends LayerArchiveOptions {
  readonly item: LayerItem;
  /** The parent directories that the archive has already. */
  readonly parents: Set<string>;
}

async function sendItem(pack: Pack, archive: AsyncIterable<Uint8Array>, options: ItemOptions): Promise<void> {
  const { item, exclude = [] } = options;
  let top: { readonly isDirectory: boolean; readonly path: string } | undefined;
  for await (const entry of entriesOf(archive)) {
    const isDirectory = entry.header.type === "directory";
    // The first entry is the item itself, and the only one unless it is a directory.
    if (!top) {
      top = { isDirectory, path: item.archivePath(isDirectory) };
      await sendParents(pack, { ...options, header: entry.header, path: top.path });
    }
    const { path, isDirectory: isTree } = top;
    const at = (name: string): string => [path, ...partsOf(name)].filter((part) => part !== "").join("/");
    const isDropped = (name: string): boolean =>
      isTree && partsOf(name).some((part) => exclude.includes(part));

    const name = nameOf(entry.header, "name");
    const placed = isTree ? at(name) : path;
    if (placed === "" || isDropped(name)) {
      entry.resume();
      continue;
    }
    const isHardLink = entry.header.type === "link";
    // The target of a symbolic link is kept; that of a hard link is another entry.
    const link = isHardLink || entry.header.type === "symlink" ? nameOf(entry.header, "linkname") : "";
    if (isHardLink && isDropped(link)) throw linkToNothing(name, link);
    const linkname = isHardLink ? at(link) : link;
    await sendEntry(pack, entry, { ...options, name: placed, linkname });
  }
}

interface ParentsOptions extends ItemOptions {
  readonly header: Header;
  readonly path: string;
}

/** They belong to the new owner if the guest does not have them. */
async function sendParents(pack: Pack, { owner, header, path, parents }: ParentsOptions): Promise<void> {
  if (owner.kind !== "new" || !owner.owner) return;
  for (const parent of parentsOf(path).filter((each) => !parents.has(each))) {
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
  const { name, linkname, skipDevices = false, emit = noopEmit } = options;
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
          text: `Skipped ${name}, which is a ${type.replace("-", " ")}.`,
        });
      } else {
        const { devmajor, devminor } = header;
        await writeEntry(pack, { ...common, name, type, devmajor, devminor });
      }
      break;
    default:
      throw new ObError("BAD_SOURCE", `${JSON.stringify(name)} has a type that cannot be copied.`);
  }
  entry.resume();
}

/** Files up to this size, in bytes, are sent in one piece. */
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

/** Names are bytes: each is read as one character. */
const readerOptions = { filenameEncoding: "latin1", highWaterMark: 1 << 16 };

/** The entries as they come. Throws the error that ends the archive. */
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

/** An entry's bytes. Its error is explained here, before it reaches the reader of the new archive. */
async function* bodyOf(entry: Entry): AsyncGenerator {
  try {
    yield* entry;
  } catch (error) {
    throw explain(error);
  }
}

/** The errors of tar-stream for a broken archive have no code. */
function explain(error: unknown): unknown {
  if (isObError(error) || errnoCode(error) !== undefined) return error;
  return new ObError("BAD_SOURCE", `The guest's tar wrote a broken archive: ${errorMessage(error)}.`, {
    cause: error,
    hint: "Check the guest's tar, and what its shell prints when it starts.",
  });
}

/** A name of the header, in the form of `fromBytes`. Names of pax headers are text already. */
function nameOf(header: Header, field: "name" | "linkname"): string {
  const value = header[field];
  const key = field === "name" ? "path" : "linkpath";
  const { pax } = header;
  return typeof pax === "object" && pax !== null && key in pax
    ? value
    : fromBytes(Buffer.from(value, "latin1"));
}

/** @throws ObError `BAD_SOURCE` if it leads out of its tree. */
function partsOf(name: string): readonly string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (!name.startsWith("/") && !parts.includes("..")) return parts;
  throw new ObError(
    "BAD_SOURCE",
    `The guest's tar wrote a path that leads out of the archive: ${JSON.stringify(name)}.`,
  );
}

function linkToNothing(name: string, link: string): ObError {
  return new ObError("BAD_SOURCE", `${name} is a hard link to ${link}, which is excluded.`, {
    hint: "Exclude both, or neither.",
  });
}
