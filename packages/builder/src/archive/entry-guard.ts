import { posix } from "node:path";
import { quotedName } from "@ob/core";
import { brokenArchive } from "./reader/broken-archive.ts";
import type { EntryType } from "./reader/tar-fields.ts";

/** What is remembered of an archive at most. */
export interface GuardLimits {
  /** Of directories and links. */
  readonly names: number;
  /** In all these names. */
  readonly characters: number;
}

const defaultLimits: GuardLimits = { names: 2_000_000, characters: 64 * 2 ** 20 };

/**
 * Checks that nothing in an archive is unpacked through a link, be it in the archive or already in the destination: each
 * entry is in a directory that the archive has, and no name is that of a directory and a link. What is a directory is nothing
 * else afterwards. Paths are those in the new archive.
 */
export class EntryGuard {
  readonly #directories = new Set<string>();
  readonly #links = new Set<string>();
  readonly #limits: GuardLimits;
  #characters = 0;

  constructor(limits = defaultLimits) {
    this.#limits = limits;
  }

  /**
   * @param linked the target of a hard link.
   * @throws ObError `BAD_SOURCE`.
   */
  check(path: string, type: EntryType | undefined, linked?: string): void {
    this.#checkParent(path);
    if (linked !== undefined) this.#checkParent(linked);
    this.add(path, type);
  }

  /** The same for the first entry, whose parents are the destination's. */
  add(path: string, type: EntryType | undefined): void {
    const isDirectory = type === "directory";
    const isLink = type === "link" || type === "symlink";
    if ((isDirectory ? this.#links : this.#directories).has(path)) {
      throw brokenArchive(
        `${quotedName(path)} is both a ${isDirectory || isLink ? "link" : "file"} and a directory`,
      );
    }
    if (!isDirectory && !isLink) return;
    (isDirectory ? this.#directories : this.#links).add(path);
    const { names, characters } = this.#limits;
    if (this.#directories.size + this.#links.size > names) {
      throw brokenArchive(`it has more than ${names} directories and links`);
    }
    this.#characters += path.length;
    if (this.#characters > characters) {
      throw brokenArchive(`the names of its directories and links are longer than ${characters} characters`);
    }
  }

  #checkParent(path: string): void {
    const parent = posix.dirname(path);
    if (this.#directories.has(parent === "." ? "" : parent)) return;
    throw brokenArchive(`${quotedName(path)} is in no directory that it has`);
  }
}
