import { pipeline, type Readable, Transform } from "node:stream";
import { type Emit, isObError, ObError, run, type SpaceGuard, spaceGuard, throwIfCancelled } from "@ob/core";
import { moveTree } from "./move-tree.ts";
import { makeStaging } from "./staging.ts";

export interface UnpackOptions {
  /** Absolute path of an existing directory. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** By default that of the directory's file system. */
  readonly space?: SpaceGuard | undefined;
}

/**
 * Unpacks an archive below a directory, and nowhere else: into a new directory in it first, and when the archive is
 * complete, from there by renames, which follow no link. An archive that is refused leaves nothing. Existing directories
 * are merged into, and keep their modes and times. The files belong to the user of this process.
 *
 * @throws the error of the archive; ObError `BAD_SOURCE` if it is broken, `USAGE` if something existing is in the way,
 *   `NO_SPACE`, `CANCELLED`.
 */
export async function unpackArchive(archive: Readable, options: UnpackOptions): Promise<void> {
  const { directory, signal, emit } = options;
  try {
    throwIfCancelled(signal);
    await using staging = await makeStaging(directory, emit);
    await extract(archive, { ...options, directory: staging.path });
    await moveTree(staging.path, directory, { signal, emit });
  } finally {
    archive.destroy();
  }
}

/** Unpacks with the host's tar, which does not follow the archive's links out of the directory. */
async function extract(archive: Readable, options: UnpackOptions): Promise<void> {
  const { directory, signal, emit } = options;
  let broken: unknown;
  const { space = spaceGuard(directory, { what: "the copy" }) } = options;
  const attributes = await attributeOptions({ signal, emit });
  // Its error is the archive's own, that it is incomplete, or that it would fill the disk.
  const input = pipeline(archive, guarded(space), endCheck(), () => undefined);
  input.once("error", (error) => {
    broken = error;
  });
  try {
    const [file, ...rest] = ["tar", "-x", "--no-same-owner", "--delay-directory-restore"] as const;
    const tar = [file, ...rest, ...attributes, "-C", directory, "-f", "-"] as const;
    const { stderr } = await run(tar, { input, signal, emit, env: plainMessages });
    warnOfAttributes(stderr, emit);
  } catch (error) {
    throw broken ?? explain(error);
  } finally {
    input.destroy();
  }
  if (broken !== undefined) throw broken;
}

const plainMessages = { LC_ALL: "C" };

/** GNU tar sets extended attributes if it is told to; others do so by themselves, or cannot. */
async function attributeOptions(options: Pick<UnpackOptions, "signal" | "emit">): Promise<readonly string[]> {
  const { stdout } = await run(["tar", "--version"], options);
  return stdout.includes("GNU") ? ["--xattrs", "--xattrs-include=user.*"] : [];
}

/** GNU tar reports each attribute that the file system cannot store, and continues. */
function warnOfAttributes(stderr: string, emit: Emit): void {
  const lines = stderr.split("\n").filter((line) => line.includes("extended attribute"));
  if (lines.length === 0) return;
  const more = lines.length > 1 ? ` and ${lines.length - 1} more` : "";
  const text = `The destination does not store extended attributes: ${lines[0]}${more}.`;
  emit({ type: "log", level: "warning", text });
}

/** Passes an archive on while there is space for it. */
function guarded(space: SpaceGuard): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (source) {
    for await (const bytes of source) {
      await space.add(bytes.length);
      yield bytes;
    }
  };
}

/** The zero bytes that end an archive. */
const endMark = 1024;

/** Passes an archive on, and fails if the end mark is missing: tar accepts an archive that is cut between two entries. */
function endCheck(): Transform {
  let last = Buffer.alloc(0);
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      last = Buffer.concat([last, bytes.subarray(-endMark)]).subarray(-endMark);
      done(null, bytes);
    },
    flush(done) {
      const isWhole = last.length === endMark && last.every((byte) => byte === 0);
      done(isWhole ? null : endsEarly());
    },
  });
}

function endsEarly(): ObError {
  return new ObError("BAD_SOURCE", "The archive to copy is incomplete. Nothing was copied.");
}

function explain(error: unknown): unknown {
  if (!isObError(error, "TOOL_FAILED")) return error;
  const [, ...said] = error.message.split("\n");
  const message = ["The archive to copy cannot be unpacked. Nothing was copied.", ...said].join("\n");
  return new ObError("BAD_SOURCE", message, { cause: error });
}
