import { readFileSync } from "node:fs";

/** The text of a file of this package. The path is right in the sources, compiled, and bundled. */
export function readPackageFile(name: string): string {
  return readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
}
