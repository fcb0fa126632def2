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
      if (isFull(await stat(directory))) throw wouldFill(directory, what);
    },
  };
}

/** How often the file system is looked at, in milliseconds. */
const interval = 200;

export interface SpaceWatch extends Disposable {
  /** Fires with `NO_SPACE` if less is free than a `SpaceGuard` leaves. */
  readonly full: AbortSignal;
}

/** Watches the file system of a directory while another program writes to it. Disposing ends that. */
export function watchSpace(directory: string, { what, stat = statfs }: SpaceGuardOptions): SpaceWatch {
  const full = new AbortController();
  const look = async (): Promise<void> => {
    // If it cannot be looked at, the other program has the error.
    const found = await stat(directory).catch(() => undefined);
    if (found && isFull(found)) full.abort(wouldFill(directory, what));
  };
  const timer = setInterval(() => void look(), interval);
  return { full: full.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

/** Some file systems do not count their files. */
function isFull({ bsize, blocks, bavail, files, ffree }: FileSystemSpace): boolean {
  const reserve = Math.min(reserveBytes, blocks * bsize * reserveShare);
  return bavail * bsize < reserve + stepBytes || (files > 0 && ffree < files * reserveShare);
}

function wouldFill(directory: string, what: string): ObError {
  return new ObError(
    "NO_SPACE",
    `There is not enough space in ${directory} for ${what}: it would fill the disk.`,
    { hint: "Free some space. What was written is removed." },
  );
}
