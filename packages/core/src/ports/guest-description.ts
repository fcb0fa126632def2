import type { GuestArch, GuestOs } from "../image-manifest.ts";

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
  /** A path to copy from, with slashes: its last part is the name of what is copied. */
  readonly copySource: (path: string) => string;
}
