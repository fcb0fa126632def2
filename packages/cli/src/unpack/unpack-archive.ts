import { pipeline, type Readable, Transform } from "node:stream";
import { type Emit, isObError, ObError, run, throwIfCancelled } from "@ob/core";
import { moveTree } from "./move-tree.ts";
import { makeStaging } from "./staging.ts";

export interface UnpackOptions {
  /** Absolute path of an existing directory. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
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
    await moveTree(staging.path, directory, { signal });
  } finally {
    archive.destroy();
  }
}

/** Unpacks with the host's tar, which does not follow the archive's links out of the directory. */
async function extract(archive: Readable, { directory, signal, emit }: UnpackOptions): Promise<void> {
  let broken: unknown;
  // Its error is the archive's own, or that it is incomplete.
  const input = pipeline(archive, endCheck(), () => undefined);
  input.once("error", (error) => {
    broken = error;
  });
  try {
    const tar = [
      "tar",
      "-x",
      "--no-same-owner",
      "--delay-directory-restore",
      "-C",
      directory,
      "-f",
      "-",
    ] as const;
    await run(tar, { input, signal, emit });
  } catch (error) {
    throw broken ?? explain(error);
  } finally {
    input.destroy();
  }
  if (broken !== undefined) throw broken;
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
