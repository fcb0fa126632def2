import { readFileSync } from "node:fs";

/** The version of this package. The path is right in the sources, compiled, and bundled. */
export function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version: number }: { readonly version: string } = JSON.parse(text);
  return `${number}\n`;
}
