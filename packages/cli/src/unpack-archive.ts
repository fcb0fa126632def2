import type { Readable } from "node:stream";
import { type Emit, run } from "@ob/core";

export interface UnpackOptions {
  /** Absolute path of an existing directory. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * Unpacks an archive with the host's tar, which lets no link of it lead out of the directory. The files belong to who
 * runs this.
 *
 * @throws whatever the archive fails with; ObError as `run`.
 */
export async function unpackArchive(archive: Readable, options: UnpackOptions): Promise<void> {
  const { directory, signal, emit } = options;
  let broken: unknown;
  archive.once("error", (error) => {
    broken = error;
  });
  try {
    await run(["tar", "-x", "--no-same-owner", "-C", directory, "-f", "-"], { input: archive, signal, emit });
  } catch (error) {
    throw broken ?? error;
  } finally {
    archive.destroy();
  }
  if (broken !== undefined) throw broken;
}
