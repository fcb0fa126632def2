import type { ArchiveOptions } from "../profile.ts";
import * as scripts from "./scripts.generated.ts";

/** A script for root whose arguments are the path and names to exclude. @param tar the program. */
export function tarScript(tar: string, { followLink = false }: ArchiveOptions = {}): string {
  return `tar=${tar} follow=${followLink ? "yes" : "no"}\n${scripts.readArchive}`;
}
