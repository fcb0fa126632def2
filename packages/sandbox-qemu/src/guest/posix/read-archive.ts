import type { ArchiveOptions } from "../profile.ts";
import * as scripts from "./scripts.generated.ts";

/**
 * A script for root that writes an archive; its arguments are the path and the names to exclude.
 *
 * @param tar the program to run.
 */
export function tarScript(tar: string, options: ArchiveOptions = {}): string {
  return `tar=${tar} follow=${followWord(options)}\n${scripts.readArchive}`;
}

/** Which symbolic links a script follows: none, one at the end of its path, or all. */
export function followWord({ followLink, followAllLinks }: ArchiveOptions): "no" | "yes" | "all" {
  if (followAllLinks === true) return "all";
  return followLink === true ? "yes" : "no";
}
