import { createHash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  lstatSync,
  read as readWithCallback,
  readFileSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { type GuestUser, isObError, type OpenArchiveOptions, sha256 } from "@ob/core";
import { fromBytes, toBytes } from "@ob/spec";
import type { Pack } from "tar-stream";
import { withPaxHeader, type TarHeader, directoryHeader, headerFor, ownership, root } from "./tar-header.ts";
import type { Manifest } from "../source/manifest.ts";
import { changedError } from "../source/source-errors.ts";
import { SourceTree } from "../source/source-tree.ts";
import { packArchive, parentsOf, entryPath, writeEntry } from "./tar-writer.ts";

/** The contents of the archive of one `copy`. */
export interface Transfer {
  readonly sourceDirectory: string;
  readonly manifests: readonly Manifest[];
  /** Absolute, in the guest; see `CopyInputs`. */
  readonly destination: string;
  /** The owner of the files in the guest; by default the login user. */
  readonly user: GuestUser | undefined;
}

/** An entry of a manifest and its path in the archive: no leading slash, no `.`; empty for the guest's root. */
interface Entry {
  readonly source: Manifest;
  readonly name: string;
}

/** Files up to this size, in bytes, are read whole and compared before the first byte is sent. */
const wholeBytes = 1 << 20;
const read = promisify(readWithCallback);
/** How long files are sent before other work gets its turn, in milliseconds. */
const sliceMs = 10;

/**
 * A tar archive to be unpacked at the guest's root by root: modes 755 and 644, times as in the source, in the manifest's
 * order. With an owner, the parent directories of the destination come first, with the time of the first source.
 *
 * The stream fails with `BAD_SOURCE` if a file differs from the manifest: it has changed since it was hashed.
 */
export function sourceArchive(transfer: Transfer, options: OpenArchiveOptions): Readable {
  return packArchive(async (pack) => {
    using tree = new SourceTree(transfer.sourceDirectory);
    const sending: Sending = { ...options, tree };
    let sliceEnd = performance.now() + sliceMs;
    const [first] = items(transfer);
    if (first) await sendParents(pack, first, sending);
    for (const entry of allEntries(transfer)) {
      await sendEntry(pack, entry, sending);
      if (performance.now() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = performance.now() + sliceMs;
    }
  });
}

export interface Sending extends OpenArchiveOptions {
  readonly tree: SourceTree;
}

/** The sources and their paths: all in one directory, since a copy has one destination. */
function items({ manifests, destination }: Transfer): readonly Entry[] {
  return manifests.map((source) => {
    const item = { isDirectory: source.kind === "directory", baseName: posix.basename(source.path) };
    return { source, name: entryPath(item, destination) };
  });
}

function* allEntries(transfer: Transfer): Iterable<Entry> {
  for (const { source, name } of items(transfer)) yield* entriesBelow(source, name);
}

function* entriesBelow(source: Manifest, name: string): Iterable<Entry> {
  // The root itself is left out: the user of a `copy` does not become its owner.
  if (name !== "") yield { source, name };
  if (source.kind !== "directory") return;
  for (const entry of source.entries) {
    const base = posix.basename(entry.path);
    yield* entriesBelow(entry, name === "" ? base : `${name}/${base}`);
  }
}

async function sendParents(pack: Pack, { source, name }: Entry, sending: Sending): Promise<void> {
  const { owner, onDirectory, tree } = sending;
  if (!owner) return;
  const stat = statOf(source, tree);
  for (const parent of parentsOf(name)) {
    await writeEntry(pack, directoryHeader(parent, ownership(owner, stat.mtimeMs / 1000)));
    onDirectory?.({ path: toBytes(parent), isParent: true });
  }
}

function statOf(source: Manifest, tree: SourceTree): Stats {
  try {
    return lstatSync(tree.locate(source.path));
  } catch (cause) {
    throw changedError(source.path, cause);
  }
}

/** Small files are read synchronously, which is many times as fast, as where they are hashed. */
export async function sendEntry(pack: Pack, entry: Entry, sending: Sending): Promise<void> {
  const { source } = entry;
  const { owner = root } = sending;
  try {
    if (source.kind === "file") return await sendFile(pack, { ...entry, source }, sending);
    const path = sending.tree.locate(source.path);
    const stat = lstatSync(path);
    if (source.kind === "symlink") {
      const target = fromBytes(readlinkSync(path, { encoding: "buffer" }));
      if (target !== source.target) throw changedError(source.path);
    } else if (!stat.isDirectory()) throw changedError(source.path);
    await writeEntry(pack, headerFor(entry, { owner, stat }));
    if (source.kind === "directory") sending.onDirectory?.({ path: toBytes(entry.name), isParent: false });
  } catch (cause) {
    throw isObError(cause) ? cause : changedError(source.path, cause);
  }
}

type FileEntry = Entry & { readonly source: Manifest & { readonly kind: "file" } };

async function sendFile(pack: Pack, entry: FileEntry, { tree, owner = root }: Sending): Promise<void> {
  const { source } = entry;
  const file = tree.openFile(source.path);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw changedError(source.path);
    const header = headerFor(entry, { owner, stat });
    if (stat.size > wholeBytes)
      return await sendLargeFile(pack, file, { header: { ...header, size: stat.size }, source });
    const contents = readFileSync(file);
    if (sha256(contents) !== source.sha256) throw changedError(source.path);
    await writeEntry(pack, { ...header, size: contents.length }, contents);
  } finally {
    closeSync(file);
  }
}

interface LargeFile {
  readonly header: TarHeader & { readonly size: number };
  readonly source: FileEntry["source"];
}

async function sendLargeFile(pack: Pack, file: number, { header, source }: LargeFile): Promise<void> {
  const hash = createHash("sha256");
  let reading: Promise<unknown> = Promise.resolve();
  const contents = async function* () {
    // The header has the size: one byte more or less would break the archive.
    for (let left = header.size; ;) {
      const next = read(file, Buffer.allocUnsafe(wholeBytes), 0, wholeBytes, null);
      reading = next;
      const { bytesRead, buffer } = await next;
      left -= bytesRead;
      if (left < 0 || (bytesRead === 0 && left > 0)) throw changedError(source.path);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      yield buffer.subarray(0, bytesRead);
    }
    if (hash.digest("hex") !== source.sha256) throw changedError(source.path);
  };
  try {
    await pipeline(contents, pack.entry(withPaxHeader(pack, header)));
  } finally {
    // The caller closes the file.
    await Promise.allSettled([reading]);
  }
}
