import { statfs } from "node:fs/promises";
import { ObError } from "./errors.ts";

/** How many bytes are written between two looks at the disk. */
const stepBytes = 16 << 20;
/** What is left free: this many bytes, or this share of a small disk. */
const [reserveBytes, reserveShare] = [1 << 30, 0.05];

/** Ends a write of unknown length before it fills the disk. */
export interface SpaceGuard {
  /**
   * Called with the size of what is written next, in bytes. The first 16 MiB always pass.
   *
   * @throws ObError `NO_SPACE` if less than 1 GiB, or 5 % of a smaller disk, would be left free.
   */
  add(bytes: number): Promise<void>;
}

export interface SpaceGuardOptions {
  /** What is written, for the message: `the archive of the files to copy`. */
  readonly what: string;
  /** Reads the state of the file system. */
  readonly stat?: ((directory: string) => Promise<FileSystemSpace>) | undefined;
}

/** Sizes are in blocks of `bsize` bytes. */
export type FileSystemSpace = Readonly<Record<"bsize" | "blocks" | "bavail" | "files" | "ffree", number>>;

/** Guards the file system of a directory. */
export function spaceGuard(directory: string, { what, stat = statfs }: SpaceGuardOptions): SpaceGuard {
  let unseen = 0;
  return {
    add: async (bytes) => {
      unseen += bytes;
      if (unseen < stepBytes) return;
      unseen = 0;
      const { bsize, blocks, bavail, files, ffree } = await stat(directory);
      const reserve = Math.min(reserveBytes, blocks * bsize * reserveShare);
      // Some file systems do not count their files.
      const isFull = bavail * bsize < reserve + stepBytes || (files > 0 && ffree < files * reserveShare);
      if (isFull) {
        throw new ObError(
          "NO_SPACE",
          `There is not enough space in ${directory} for ${what}: it would fill the disk.`,
          { hint: "Free some space. What was written is removed." },
        );
      }
    },
  };
}
