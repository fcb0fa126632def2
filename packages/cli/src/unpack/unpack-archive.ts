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
 * Unpacks an archive below a directory, and nowhere else: in a fresh directory in it first, and when that holds the whole
 * archive, from there to its place by renames, which follow no link. An archive that is refused leaves nothing. Existing
 * directories are merged into, and stay as they are. The files belong to who runs this.
 *
 * @throws whatever the archive fails with; ObError `BAD_SOURCE` if it is broken, `USAGE` if something that is there is in
 *   its way, `NO_SPACE`, `CANCELLED`.
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

/** Unpacks with the host's tar, which lets no link of this archive lead out of the directory. */
async function extract(archive: Readable, { directory, signal, emit }: UnpackOptions): Promise<void> {
  let broken: unknown;
  // Its error is the archive's, or that it is not whole.
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

/** Bytes of nothing but zeros that end an archive. */
const endMark = 1024;

/** Passes an archive on, and fails at its end if there is no mark: tar takes one cut off between two entries for whole. */
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
  return new ObError("BAD_SOURCE", "The archive to copy ends before it is whole. Nothing was copied.");
}

function explain(error: unknown): unknown {
  if (!isObError(error, "TOOL_FAILED")) return error;
  const [, ...said] = error.message.split("\n");
  const message = ["The archive to copy cannot be unpacked. Nothing was copied.", ...said].join("\n");
  return new ObError("BAD_SOURCE", message, { cause: error });
}
