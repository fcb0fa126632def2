import { once } from "node:events";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type Emit, isObError, sha256 } from "@ob/core";
import { type Extract, extract, type Header, pack } from "tar-stream";
import type { CopyCheck, GuestProfile } from "./guest/profile.ts";
import { perform, type PerformOptions, unpackArchive } from "./perform.ts";

export interface CopyInOptions extends PerformOptions {
  readonly openArchive: () => Readable;
  readonly emit: Emit;
}

/** The list of what was sent, while the guest compares: at the root that it unpacks at. */
const listName = ".obuilder-copy";

/**
 * Unpacks an archive in the guest. Where the profile says so, what arrived is then compared with what was sent, file
 * by file; if it differs it is sent once more.
 *
 * @throws ObError as `unpackArchive` and `perform` do.
 */
export async function copyIn(profile: GuestProfile, options: CopyInOptions): Promise<void> {
  const { verifyCopy: check } = profile;
  if (!check) {
    await unpackArchive(profile.unpack, { ...options, archive: options.openArchive() });
    return;
  }
  let attempts = 0;
  for (;;) {
    attempts += 1;
    const files = await unpackListed(profile, { ...options, check, warn: attempts === 1 });
    if (files.size === 0) return;
    try {
      await compare(profile, { ...options, check, files });
      return;
    } catch (error) {
      if (attempts === 2 || !isObError(error, "STEP_FAILED")) throw error;
      options.emit({ type: "log", level: "warning", text: `${error.message}\nThey are sent once more.` });
    }
  }
}

interface CheckOptions extends CopyInOptions {
  readonly check: CopyCheck;
}

/** @returns the digest of each file by the path that it is unpacked at. */
async function unpackListed(
  profile: GuestProfile,
  options: CheckOptions & { readonly warn: boolean },
): Promise<ReadonlyMap<string, string>> {
  const { openArchive, check, warn, emit } = options;
  const files = new Map<string, string>();
  const links: string[] = [];
  const note = ({ name, type }: Header, digest: string): void => {
    const path = check.unpackedPath(name);
    if (type === "file") files.set(path, digest);
    if (type === "symlink") links.push(path);
  };
  await unpackArchive(profile.unpack, { ...options, archive: Readable.from(noted(openArchive(), note)) });
  if (warn && links.length > 0 && check.losesLinks) {
    const text = `The guest's tar may leave symbolic links out, and ${links.length} of these were copied: ${links[0]}${links.length > 1 ? ", …" : ""}`;
    emit({ type: "log", level: "warning", text });
  }
  return files;
}

/** Passes an archive on, and tells each entry once it is through. */
async function* noted(
  archive: Readable,
  note: (header: Header, digest: string) => void,
): AsyncGenerator<Uint8Array> {
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

async function readEntries(parser: Extract, note: (header: Header, digest: string) => void): Promise<void> {
  for await (const entry of parser) {
    const hash = createHash("sha256");
    for await (const bytes of entry) if (bytes instanceof Uint8Array) hash.update(bytes);
    note(entry.header, hash.digest("hex"));
  }
}

/** The list goes in as the files did: by the one way that is known to work, and with a digest of its own. */
async function compare(
  profile: GuestProfile,
  options: CheckOptions & { readonly files: ReadonlyMap<string, string> },
): Promise<void> {
  const list = [...options.files].map(([path, digest]) => `${listLine(path, digest)}\n`).join("");
  const archive = pack();
  archive.entry({ name: listName }, list);
  archive.finalize();
  await unpackArchive(profile.unpack, { ...options, archive: Readable.from(archive) });
  await perform(options.check.check(listName, sha256(list)), options);
}

/** As `sha256sum` writes it: a name with a backslash or a line's end is escaped, and the line says so. */
function listLine(path: string, digest: string): string {
  const escaped = path
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`);
  return `${escaped === path ? "" : "\\"}${digest}  ${escaped}`;
}
