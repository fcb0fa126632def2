import { stat } from "node:fs/promises";

/*
 * When a backing chain is flattened, and how far down. Reading slows down past 50 files; and QEMU strings relative paths
 * together as it goes down: 46 are more than a path may have characters.
 */

/** A chain of so many files is flattened in the background of the next use. */
export const flattenInBackgroundFrom = 16;
/** One of so many is flattened before it is used: no use was long enough for the background. */
export const flattenBeforeUseFrom = 32;

/**
 * The file of a chain's older half that takes more than twice as much space as all above it: copying it would cost more
 * than it gains, so that the work of flattening stays in proportion to what was changed. All above it become one file.
 *
 * @param files the chain's, the topmost first.
 * @returns its index in `files`; undefined if there is none, and all can become one.
 */
export async function fileToKeep(files: readonly string[]): Promise<number | undefined> {
  let above = 0;
  for (const [index, file] of files.entries()) {
    const { blocks } = await stat(file);
    if (index >= files.length / 2 && blocks > 2 * above) return index;
    above += blocks;
  }
  return undefined;
}
