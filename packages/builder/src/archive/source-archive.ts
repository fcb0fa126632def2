import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from "node:fs";
import { open } from "node:fs/promises";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type GuestOwner,
  type GuestUser,
  isObError,
  ObError,
  type OpenArchiveOptions,
  sha256,
} from "@ob/core";
import { fromBytes, toBytes } from "@ob/spec";
import type { Pack } from "tar-stream";
import { withPaxHeader, type TarHeader, directoryHeader, headerFor, ownership, root } from "./tar-header.ts";
import { type Manifest, sourcePath } from "../source/manifest.ts";
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
/** How long files are sent before other work gets its turn, in milliseconds. */
const sliceMs = 10;

/**
 * A tar archive to be unpacked at the guest's root by root: modes 755 and 644, times as in the source, in the manifest's
 * order. With an owner, the parent directories of the destination come first, with the time of the first source.
 *
 * The stream fails with `BAD_SOURCE` if a file differs from the manifest: it has changed since it was hashed.
 */
export function sourceArchive(transfer: Transfer, options: OpenArchiveOptions): Readable {
  const sending: Sending = { ...options, sourceDirectory: transfer.sourceDirectory };
  return packArchive(async (pack) => {
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

interface Sending extends OpenArchiveOptions {
  readonly sourceDirectory: string;
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
  const { owner, onDirectory, sourceDirectory } = sending;
  if (!owner) return;
  const stat = statOf(source, sourceDirectory);
  for (const parent of parentsOf(name)) {
    await writeEntry(pack, directoryHeader(parent, ownership(owner, stat.mtimeMs / 1000)));
    onDirectory?.({ path: toBytes(parent), isParent: true });
  }
}

function statOf(source: Manifest, sourceDirectory: string): Stats {
  try {
    return lstatSync(sourcePath(sourceDirectory, source.path));
  } catch (cause) {
    throw changed(source, cause);
  }
}

/** Small files are read synchronously, which is many times as fast, as where they are hashed. */
async function sendEntry(pack: Pack, entry: Entry, sending: Sending): Promise<void> {
  const { source } = entry;
  const { owner = root } = sending;
  const path = sourcePath(sending.sourceDirectory, source.path);
  try {
    if (source.kind === "file") return await sendFile(pack, { entry: { ...entry, source }, path, owner });
    const stat = lstatSync(path);
    if (source.kind === "symlink") {
      const target = stat.isSymbolicLink() && fromBytes(readlinkSync(path, { encoding: "buffer" }));
      if (target !== source.target) throw changed(source);
    } else if (!stat.isDirectory()) throw changed(source);
    await writeEntry(pack, headerFor(entry, { owner, stat }));
    if (source.kind === "directory") sending.onDirectory?.({ path: toBytes(entry.name), isParent: false });
  } catch (cause) {
    if (isObError(cause) || pack.destroyed) throw cause;
    throw changed(source, cause);
  }
}

type FileEntry = Entry & { readonly source: Manifest & { readonly kind: "file" } };

interface FileToSend {
  readonly entry: FileEntry;
  readonly path: Buffer;
  readonly owner: GuestOwner;
}

async function sendFile(pack: Pack, { entry, path, owner }: FileToSend): Promise<void> {
  const { source } = entry;
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  let contents: Buffer | undefined;
  let header: TarHeader & { readonly size: number };
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw changed(source);
    header = { ...headerFor(entry, { owner, stat }), size: stat.size };
    if (stat.size <= wholeBytes) contents = readFileSync(file);
  } finally {
    closeSync(file);
  }
  if (!contents) return await sendLargeFile(pack, { header, path, source });
  if (contents.length !== header.size || sha256(contents) !== source.sha256) throw changed(source);
  await writeEntry(pack, header, contents);
}

interface LargeFile {
  readonly header: TarHeader & { readonly size: number };
  readonly path: Buffer;
  readonly source: FileEntry["source"];
}

async function sendLargeFile(pack: Pack, { header, path, source }: LargeFile): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const hash = createHash("sha256");
  const compared = async function* (chunks: AsyncIterable<Buffer>) {
    let left = header.size;
    for await (const chunk of chunks) {
      left -= chunk.length;
      // The header has the size: one byte more or less would break the archive.
      if (left < 0) throw changed(source);
      hash.update(chunk);
      yield chunk;
    }
    if (left > 0 || hash.digest("hex") !== source.sha256) throw changed(source);
  };
  const body = pack.entry(withPaxHeader(pack, header));
  await pipeline(file.createReadStream({ highWaterMark: wholeBytes, autoClose: false }), compared, body);
}

function changed(source: Manifest, cause?: unknown): ObError {
  return new ObError("BAD_SOURCE", `${JSON.stringify(source.path)} was changed while it was being copied.`, {
    cause,
    hint: "Build again while nothing writes to the source directory.",
  });
}
