import type { Readable } from "node:stream";
import { checkOptions, type Emit, type EphemeralGuest, noopEmit, ObError, quotedName } from "@ob/core";
import { toBytes } from "@ob/spec";
import type { Pack } from "tar-stream";
import { EntryGuard } from "./entry-guard.ts";
import { LeftOut } from "./left-out.ts";
import { keepsXattr, modeOf, type NewOwner, ownerAndTime } from "./new-owner.ts";
import { brokenArchive } from "./reader/broken-archive.ts";
import { type ArchiveEntry, readTar } from "./reader/read-tar.ts";
import { xattrRecord } from "./reader/xattr-records.ts";
import { isPlain, sendFile, tellFeature } from "./send-file.ts";
import { directoryHeader, type TarHeader } from "./tar-header.ts";
import { packArchive, parentsOf, writeEntry } from "./tar-writer.ts";

/** A file or directory of a layer, and its path in the archive. */
export interface LayerItem {
  /** See `EphemeralGuest.readArchive`. */
  readonly path: string;
  /** Its path in the archive, without a slash at either end; empty for the archive's root, which has no entry. */
  readonly archivePath: (isDirectory: boolean) => string;
  /** The destination's path in the same form, if the archive is to stay below it: see `ArchivedDirectory.bounds`. */
  readonly bounds?: string | undefined;
}

export interface LayerArchiveOptions {
  readonly items: readonly LayerItem[];
  /** Base names that are left out of directories at any depth. */
  readonly exclude?: readonly string[] | undefined;
  readonly owner: NewOwner;
  /** Takes the target of a link at the end of an item's path instead of the link. */
  readonly followLinks?: boolean | undefined;
  /** Takes the target of every link, also below a directory. */
  readonly followAllLinks?: boolean | undefined;
  /** Skips devices and pipes, with a warning. */
  readonly skipDevices?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/**
 * A tar archive of parts of a layer, with their modes, times, extended attributes and holes. A file with a new owner loses
 * its set-user-id and set-group-id bits, which would grant the new owner's rights; `keepsXattr` says which attributes are
 * kept, and a warning names the others. The stream fails with the errors of `readArchive`, and with `BAD_SOURCE` for an
 * archive that is broken, has paths out of its directory, or would be unpacked through links.
 */
export function layerArchive(open: () => Promise<EphemeralGuest>, options: LayerArchiveOptions): Readable {
  checkOptions("layerArchive", options, {
    items: "array",
    exclude: "array?",
    owner: "object",
    emit: "function?",
  });
  const { items, exclude, followLinks: followLink, followAllLinks, signal, emit = noopEmit } = options;
  return packArchive(async (pack) => {
    const guest = await open();
    const sending = {
      ...options,
      parents: new Set<string>(),
      guard: new EntryGuard(),
      leftOut: new LeftOut(),
    };
    for (const item of items) {
      const archive = guest.readArchive(item.path, { exclude, followLink, followAllLinks, signal });
      await sendItem(pack, archive, { ...sending, item });
    }
    sending.leftOut.warn(emit);
  });
}

interface ItemOptions extends LayerArchiveOptions {
  readonly item: LayerItem;
  /** The parent directories that the archive has already. */
  readonly parents: Set<string>;
  readonly guard: EntryGuard;
  readonly leftOut: LeftOut;
}

async function sendItem(pack: Pack, archive: AsyncIterable<Uint8Array>, options: ItemOptions): Promise<void> {
  const { item, guard } = options;
  let top: Top | undefined;
  for await (const entry of readTar(archive)) {
    const isDirectory = entry.type === "directory";
    if (top && !top.isDirectory) throw brokenArchive(`${quotedName(entry.name)} is not asked for`);
    // The first entry is the item itself, and the only one unless it is a directory.
    if (!top) {
      top = { isDirectory, path: item.archivePath(isDirectory), bounds: item.bounds };
      if (isDirectory && partsOf(entry.name).length > 0)
        throw brokenArchive("it does not start with its root");
      // Nothing comes before it that it could be a link to: its target would be a file of whoever unpacks the archive.
      if (entry.type === "link") throw brokenArchive("it starts with a hard link");
      guard.add(top.path, entry.type);
      await sendParents(pack, { ...options, entry, path: top.path });
      if (top.path !== "")
        await sendEntry(pack, entry, { ...options, top, name: top.path, linkname: entry.linkname });
    } else await sendBelow(pack, entry, { ...options, top });
  }
}

/** The item itself. */
interface Top {
  readonly isDirectory: boolean;
  readonly path: string;
  readonly bounds: string | undefined;
}

/** Sends an entry below a directory, unless it is excluded. */
async function sendBelow(
  pack: Pack,
  entry: ArchiveEntry,
  options: ItemOptions & { readonly top: Top },
): Promise<void> {
  const { top, exclude = [], guard } = options;
  const parts = partsOf(entry.name);
  const isDropped = (names: readonly string[]): boolean => names.some((name) => exclude.includes(name));
  if (isDropped(parts)) return;
  const at = (names: readonly string[]): string =>
    [top.path, ...names].filter((part) => part !== "").join("/");
  const name = at(parts);
  // The target of a symbolic link is kept; that of a hard link is another entry.
  let { linkname } = entry;
  if (entry.type === "link") {
    const link = partsOf(linkname);
    if (isDropped(link)) throw linkToNothing(entry.name, linkname);
    linkname = at(link);
  }
  if (parts.length === 0) throw brokenArchive("it has two roots");
  guard.check(name, entry.type, entry.type === "link" ? linkname : undefined);
  await sendEntry(pack, entry, { ...options, name, linkname });
}

interface ParentsOptions extends ItemOptions {
  readonly entry: ArchiveEntry;
  readonly path: string;
}

/** They belong to the new owner if the guest does not have them. */
async function sendParents(pack: Pack, { owner, entry, path, parents }: ParentsOptions): Promise<void> {
  if (owner.kind !== "new" || !owner.owner) return;
  for (const parent of parentsOf(path).filter((each) => !parents.has(each))) {
    await writeEntry(pack, directoryHeader(parent, ownerAndTime(entry, owner)));
    owner.onDirectory?.({ path: toBytes(parent), isParent: true });
    parents.add(parent);
  }
}

interface EntryOptions extends ItemOptions {
  readonly top: Top;
  readonly name: string;
  /** Empty unless the entry is a link of either kind. */
  readonly linkname: string;
}

async function sendEntry(pack: Pack, entry: ArchiveEntry, options: EntryOptions): Promise<void> {
  const { name, linkname, owner, top, skipDevices = false, emit = noopEmit } = options;
  const { type, devmajor, devminor } = entry;
  const common = { ...ownerAndTime(entry, owner), mode: modeOf(entry, owner) };
  switch (type) {
    case "file":
      return await sendFile(pack, entry, {
        ...options,
        header: withXattrs({ ...common, name, type }, entry, options),
      });
    case "directory":
      await writeEntry(pack, withXattrs({ ...common, name: `${name}/`, type }, entry, options));
      if (owner.kind !== "new") return;
      return owner.onDirectory?.({
        path: toBytes(name),
        isParent: false,
        ...(top.bounds !== undefined && { bounds: toBytes(top.bounds) }),
      });
    case "link":
      if (top.bounds !== undefined) tellFeature(owner, "links");
      return await writeEntry(pack, { ...common, name, type, linkname });
    case "symlink":
      if (top.bounds !== undefined) tellFeature(owner, "links");
      return await writeEntry(pack, withXattrs({ ...common, name, type, linkname }, entry, options));
    case "fifo":
    case "character-device":
    case "block-device":
      if (!skipDevices) {
        return await writeEntry(
          pack,
          withXattrs({ ...common, name, type, devmajor, devminor }, entry, options),
        );
      }
      emit({
        type: "log",
        level: "warning",
        text: `Skipped ${quotedName(name)}, which is a ${type.replace("-", " ")}.`,
      });
      return;
    case undefined:
      throw new ObError("BAD_SOURCE", `${quotedName(name)} has a type that cannot be copied.`);
  }
}

/** The header with the extended attributes that are kept. */
function withXattrs(header: TarHeader, entry: ArchiveEntry, options: EntryOptions): TarHeader {
  const { owner, leftOut, name: path } = options;
  const keeps = (name: string): boolean => !isPlain(owner) && keepsXattr(name, owner);
  const kept = leftOut.filter(entry.xattrs, { path, keeps });
  if (kept.size === 0) return header;
  tellFeature(owner, "xattrs");
  const records = [...kept].map(([name, value]) => xattrRecord(name, value));
  return { ...header, extended: new Map([...header.extended, ...records]) };
}

/** @throws ObError `BAD_SOURCE` if it leads out of its tree. */
function partsOf(name: string): readonly string[] {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (!name.startsWith("/") && !parts.includes("..")) return parts;
  throw brokenArchive(`the path ${quotedName(name)} leads out of it`);
}

function linkToNothing(name: string, link: string): ObError {
  const message = `${quotedName(name)} is a hard link to ${quotedName(link)}, which is excluded.`;
  return new ObError("BAD_SOURCE", message, { hint: "Exclude both, or neither." });
}
