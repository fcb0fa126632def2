import { once } from "node:events";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Emit, isObError, errorMessage, ObError, sha256 } from "@ob/core";
import { type Extract, extract, type Header, pack } from "tar-stream";
import { createRunDirectory, insertIso, type IsoDrive, writeIso } from "@ob/qemu";
import { spoolArchive } from "./archive-spool.ts";
import type { CopyVerification, GuestCommand } from "../guest/profile.ts";
import {
  runGuestCommand,
  type GuestConnection,
  unpackArchive,
  unpackFromDevice,
} from "../guest/guest-command.ts";

export interface VerifiedCopyOptions extends GuestConnection {
  readonly openArchive: () => Readable;
  /** See `GuestProfile.unpack`. */
  readonly unpack: GuestCommand;
  readonly verification: CopyVerification;
  /** Of the VM; it may be missing. */
  readonly drive: IsoDrive;
  /** Absolute path of the directory that run directories are made in. */
  readonly stateDirectory: string;
  readonly emit: Emit;
  /** How long the list of checksums may be; by default 128 MiB. */
  readonly maxListCharacters?: number | undefined;
}

/** The list of checksums, relative to the root that the archive is unpacked at. */
const listName = ".obuilder-copy";

/** The archives on the ISO image. */
const [filesTar, listTar] = ["obuilder-files.tar", "obuilder-list.tar"];

/** How the files are sent, in this order, until they arrive undamaged. */
const transports = ["ssh", "ssh", "iso"] as const;

const transportNames = { ssh: "through SSH", iso: "on a CD-ROM" } as const;

/**
 * Unpacks an archive in the guest and compares the files with what was sent. If they differ they are sent again, and then
 * on a CD-ROM, which tar reads without a program of the guest in between.
 *
 * @throws ObError `STEP_FAILED` if the files are damaged each time; as `unpackArchive` and `runGuestCommand`; for a CD-ROM
 *   `MISSING_TOOL`, `NO_SPACE`, `TOOL_FAILED`.
 */
export async function copyVerified(options: VerifiedCopyOptions): Promise<void> {
  const { emit } = options;
  let failure: unknown;
  for (const transport of transports) {
    if (failure !== undefined) {
      emit({
        type: "log",
        level: "warning",
        text: `${errorMessage(failure)}\nSending the files again, ${transportNames[transport]}.`,
      });
    }
    try {
      const sent = transport === "iso" ? await sendOnIso(options) : await sendThroughSsh(options);
      if (sent === "no-drive") continue;
      warnOfLinks(sent, options);
      return;
    } catch (error) {
      // tar may fail on an archive that was damaged on its way.
      if (!isObError(error, "STEP_FAILED")) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** What an archive contains, by the paths that it is unpacked at. */
interface Contents {
  /** The digest of each file. */
  readonly files: Map<string, string>;
  readonly links: string[];
  /** How many more characters the list of checksums may have. */
  room: number;
  /** True once the whole archive has been read. */
  complete: boolean;
}

function newContents({ maxListCharacters = maxCharacters }: VerifiedCopyOptions): Contents {
  return { files: new Map(), links: [], room: maxListCharacters, complete: false };
}

async function sendThroughSsh(options: VerifiedCopyOptions): Promise<Contents> {
  const { openArchive, unpack, verification } = options;
  const contents = newContents(options);
  const archive = Readable.from(observed(openArchive(), contents, verification));
  await exceptLinks(unpackArchive(unpack, { ...options, archive }), { contents, verification });
  if (contents.files.size === 0) return contents;
  // The list is sent in the same way as the files, with a digest of its own.
  const list = listOf(contents);
  await unpackArchive(unpack, { ...options, archive: listArchive(list) });
  await runGuestCommand(verification.check(listName, sha256(list)), options);
  return contents;
}

async function sendOnIso(options: VerifiedCopyOptions): Promise<Contents | "no-drive"> {
  const { openArchive, verification, stateDirectory, drive, signal, emit } = options;
  const contents = newContents(options);
  const open = (): Readable => Readable.from(observed(openArchive(), contents, verification));
  await using spool = spoolArchive({ openArchive: open, stateDirectory, signal, inMemoryBytes: 0 });
  const archive = await spool.ready;
  if (archive.kind === "bytes") return contents;
  await using directory = await createRunDirectory(stateDirectory);
  const [list, listPath, image] = [
    listOf(contents),
    join(directory.path, listTar),
    join(directory.path, "copy.iso"),
  ];
  await writeFile(listPath, listArchive(list));
  const files = [
    { path: archive.path, name: filesTar },
    { path: listPath, name: listTar },
  ];
  await writeIso(image, { files, signal, emit });
  await using inserted = await insertIso(drive, { image, signal });
  if (!inserted) return "no-drive";
  const unpacked = unpackFromDevice(verification.unpackIso([filesTar, listTar]), options);
  if ((await exceptLinks(unpacked, { contents, verification })) === "not seen") {
    throw new ObError("STEP_FAILED", "The guest does not see the CD-ROM in its drive.");
  }
  if (contents.files.size > 0) await runGuestCommand(verification.check(listName, sha256(list)), options);
  return contents;
}

/**
 * Accepts exit status 1 of a tar that can leave out links, if the archive has some: it has unpacked all the rest, as the check
 * of the files will show (libarchive#1375: bsdtar 3.3.2, of early Windows 10).
 */
async function exceptLinks<T>(
  unpacked: Promise<T>,
  { contents, verification }: { readonly contents: Contents; readonly verification: CopyVerification },
): Promise<T | undefined> {
  try {
    return await unpacked;
  } catch (error) {
    const { links, complete } = contents;
    const mayBeLinks = verification.dropsSymlinks && links.length > 0 && complete;
    if (!mayBeLinks || !isObError(error, "STEP_FAILED") || error.exitCode !== 1) throw error;
    return undefined;
  }
}

/** The digest and what is between it and the path. */
const lineCharacters = 70;
/** How long the list of checksums may be: it is made in memory, and a copy from another build is what a guest has sent. */
const maxCharacters = 128 * 2 ** 20;

function tooManyFiles(): ObError {
  return new ObError(
    "BAD_SOURCE",
    "The files to copy are too many: the list of their names and checksums does not fit into memory.",
    { hint: "Copy them as an archive, or in several steps." },
  );
}

function recordIn(contents: Contents, verification: CopyVerification): OnEntry {
  return ({ name, type }, digest) => {
    const path = verification.unpackedPath(name);
    contents.room -= path.length + lineCharacters;
    if (contents.room < 0) throw tooManyFiles();
    if (type === "file") contents.files.set(path, digest);
    if (type === "symlink") contents.links.push(path);
  };
}

function warnOfLinks(sent: Contents, { verification, emit }: VerifiedCopyOptions): void {
  const { links } = sent;
  if (links.length === 0 || !verification.dropsSymlinks) return;
  const text = `The guest's tar may leave out symbolic links. Copied ${links.length}: ${links[0]}${links.length > 1 ? ", …" : ""}`;
  emit({ type: "log", level: "warning", text });
}

type OnEntry = (header: Header, digest: string) => void;

/** Passes an archive on, and records what is in it. */
async function* observed(
  archive: Readable,
  contents: Contents,
  verification: CopyVerification,
): AsyncGenerator<Uint8Array> {
  const parser = extract();
  const failed = new AbortController();
  const read = readEntries(parser, recordIn(contents, verification));
  read.catch((error: unknown) => failed.abort(error));
  try {
    for await (const bytes of archive as AsyncIterable<Uint8Array>) {
      if (!parser.write(bytes)) await once(parser, "drain", { signal: failed.signal });
      yield bytes;
    }
    parser.end(undefined);
    await read;
    contents.complete = true;
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    parser.destroy();
  }
}

async function readEntries(parser: Extract, onEntry: OnEntry): Promise<void> {
  for await (const entry of parser) {
    const hash = createHash("sha256");
    for await (const bytes of entry) if (bytes instanceof Uint8Array) hash.update(bytes);
    onEntry(entry.header, hash.digest("hex"));
  }
}

function listArchive(list: string): Readable {
  const archive = pack();
  archive.entry({ name: listName }, list);
  archive.finalize();
  return Readable.from(archive);
}

function listOf({ files }: Contents): string {
  return [...files].map(([path, digest]) => `${listLine(path, digest)}\n`).join("");
}

/**
 * As `sha256sum --binary` writes it: a backslash at its start means that the name is escaped. Without the `*` Cygwin's would read the
 * file as text where a mount says so (coreutils src/digest.c digest_check, digest_file).
 */
function listLine(path: string, digest: string): string {
  const escaped = path
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`);
  return `${escaped === path ? "" : "\\"}${digest} *${escaped}`;
}
