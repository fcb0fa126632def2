import type { ArchiveOptions } from "../profile.ts";
import * as scripts from "./scripts.generated.ts";

/**
 * A script for root that writes an archive; its arguments are the path and the names to exclude.
 *
 * @param tar the program to run.
 */
export function tarScript(tar: string, { followLink = false }: ArchiveOptions = {}): string {
  return `tar=${tar} follow=${followLink ? "yes" : "no"}\n${scripts.readArchive}`;
}
