import type { RunTask } from "./run-task.ts";
import type { GuestArch } from "../guest-arch.ts";
import type { GuestOs } from "../image-manifest.ts";

/**
 * The file system that a guest has on its cache disks: `ext4`, `ffs`, `ntfs`, or the name of another. It becomes the name of a
 * directory.
 */
export type CacheFileSystem = "ext4" | "ffs" | "ntfs" | (string & {});

/** What others must know of a guest to prepare its steps. */
export interface GuestDescription {
  readonly os: GuestOs;
  readonly arch: GuestArch;
  readonly cacheFileSystem: CacheFileSystem;
  /**
   * Where a `copy` goes in the guest itself, with slashes.
   *
   * @param destination as the spec has it: absolute, or below the workdir.
   */
  readonly copyTarget: (destination: string) => string;
  /**
   * Refuses a `run` that this guest cannot do, whatever its disk holds, before there is a machine. The disks of its caches
   * need not exist.
   *
   * @throws ObError `UNSUPPORTED` and the like, as `Sandbox.run` would.
   */
  readonly checkRun?: (task: RunTask) => void;
  /** The same for a `copy` to a destination, as `copyTarget` returns it. */
  readonly checkCopy?: (destination: string) => void;
  /** A path to copy from, with slashes: its last part is the name of what is copied. */
  readonly copySource: (path: string) => string;
}
