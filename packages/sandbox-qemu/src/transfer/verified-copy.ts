import { once } from "node:events";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Emit, isObError, messageOf, ObError, sha256 } from "@ob/core";
import { type Extract, extract, type Header, pack } from "tar-stream";
import { spoolArchive } from "./archive-spool.ts";
import { insertIso, writeIso } from "../vm/cdrom.ts";
import type { CopyVerification, GuestCommand } from "../guest/profile.ts";
import {
  runGuestCommand,
  type GuestConnection,
  unpackArchive,
  unpackFromDevice,
} from "../guest/guest-command.ts";
import type { Monitor } from "../qmp/client.ts";
import { createRunDirectory } from "../vm/run-directory.ts";

export interface VerifiedCopyOptions extends GuestConnection {
  readonly openArchive: () => Readable;
  /** See `GuestProfile.unpack`. */
  readonly unpack: GuestCommand;
  readonly check: CopyVerification;
  readonly qmp: Monitor;
  /** Absolute path of the directory that run directories are made in. */
  readonly stateDirectory: string;
  readonly emit: Emit;
}

/** The list of what was sent, while the guest compares: at the root that it unpacks at. */
const listName = ".obuilder-copy";

/** The archives on a disc. */
const [filesTar, listTar] = ["obuilder-files.tar", "obuilder-list.tar"];

/** How the files go in, one after the other until they arrive as they were sent. */
const transports = ["through SSH", "through SSH", "on a disc"] as const;

/**
 * Unpacks an archive in the guest and compares what arrived with what was sent, file by file. If it differs it is sent
 * once more, and then on a disc in the machine's drive, where nothing of the guest's stands between it and tar.
 *
 * @throws ObError `STEP_FAILED` if nothing brings the files in as they are; as `unpackArchive` and `perform` do; for a
 *   disc `MISSING_TOOL`, `NO_SPACE`, `TOOL_FAILED`.
 */
export async function copyVerified(options: VerifiedCopyOptions): Promise<void> {
  const { emit } = options;
  let failure: unknown;
  for (const way of transports) {
    if (failure !== undefined) {
      emit({
        type: "log",
        level: "warning",
        text: `${messageOf(failure)}\nThey are sent once more, ${way}.`,
      });
    }
    try {
      const sent = way === "on a disc" ? await sendOnIso(options) : await sendThroughSsh(options);
      if (sent === "no drive") continue;
      warnOfLinks(sent, options);
      return;
    } catch (error) {
      // An archive that was damaged on its way may be none to tar, either.
      if (!isObError(error, "STEP_FAILED")) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** What an archive holds, by the paths that it is unpacked at. */
interface Contents {
  /** The digest of each file. */
  readonly files: Map<string, string>;
  readonly links: string[];
}

async function sendThroughSsh(options: VerifiedCopyOptions): Promise<Contents> {
  const { openArchive, unpack, check } = options;
  const contents: Contents = { files: new Map(), links: [] };
  const archive = Readable.from(noted(openArchive(), noteIn(contents, check)));
  await unpackArchive(unpack, { ...options, archive });
  if (contents.files.size === 0) return contents;
  // The list goes in as the files did, with a digest of its own.
  const list = listOf(contents);
  await unpackArchive(unpack, { ...options, archive: listArchive(list) });
  await runGuestCommand(check.check(listName, sha256(list)), options);
  return contents;
}

async function sendOnIso(options: VerifiedCopyOptions): Promise<Contents | "no drive"> {
  const { openArchive, check, stateDirectory, qmp, signal, emit } = options;
  const contents: Contents = { files: new Map(), links: [] };
  const open = (): Readable => Readable.from(noted(openArchive(), noteIn(contents, check)));
  await using spool = spoolArchive({ openArchive: open, stateDirectory, signal, inMemoryBytes: 0 });
  const archive = await spool.ready;
  if (archive.kind === "bytes") return contents;
  await using directory = await createRunDirectory(stateDirectory);
  const [list, listPath, image] = [
    listOf(contents),
    join(directory.path, listTar),
    join(directory.path, "disc.iso"),
  ];
  await writeFile(listPath, listArchive(list));
  const files = [
    { path: archive.path, name: filesTar },
    { path: listPath, name: listTar },
  ];
  await writeIso(image, { files, signal, emit });
  await using disc = await insertIso(qmp, { image, signal });
  if (!disc) return "no drive";
  if ((await unpackFromDevice(check.unpackIso([filesTar, listTar]), options)) === "not seen") {
    throw new ObError("STEP_FAILED", "The guest does not see the disc in its drive.");
  }
  if (contents.files.size > 0) await runGuestCommand(check.check(listName, sha256(list)), options);
  return contents;
}

function noteIn(contents: Contents, check: CopyVerification): Note {
  return ({ name, type }, digest) => {
    const path = check.unpackedPath(name);
    if (type === "file") contents.files.set(path, digest);
    if (type === "symlink") contents.links.push(path);
  };
}

function warnOfLinks(sent: Contents, { check, emit }: VerifiedCopyOptions): void {
  const { links } = sent;
  if (links.length === 0 || !check.dropsSymlinks) return;
  const text = `The guest's tar may leave symbolic links out, and ${links.length} of these were copied: ${links[0]}${links.length > 1 ? ", …" : ""}`;
  emit({ type: "log", level: "warning", text });
}

type Note = (header: Header, digest: string) => void;

/** Passes an archive on, and tells each entry once it is through. */
async function* noted(archive: Readable, note: Note): AsyncGenerator<Uint8Array> {
  const parser = extract();
  const failed = new AbortController();
  const read = readEntries(parser, note);
  read.catch((error: unknown) => failed.abort(error));
  try {
    for await (const bytes of archive as AsyncIterable<Uint8Array>) {
      if (!parser.write(bytes)) await once(parser, "drain", { signal: failed.signal });
      yield bytes;
    }
    parser.end(undefined);
    await read;
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    parser.destroy();
  }
}

async function readEntries(parser: Extract, note: Note): Promise<void> {
  for await (const entry of parser) {
    const hash = createHash("sha256");
    for await (const bytes of entry) if (bytes instanceof Uint8Array) hash.update(bytes);
    note(entry.header, hash.digest("hex"));
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

/** As `sha256sum` writes it: a name with a backslash or a line's end is escaped, and the line says so. */
function listLine(path: string, digest: string): string {
  const escaped = path
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`);
  return `${escaped === path ? "" : "\\"}${digest}  ${escaped}`;
}
