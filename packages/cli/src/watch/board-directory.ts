import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The directory of bull-board's pages: beside the bundle, or that of the package. */
export function boardDirectory(): string {
  const beside = join(import.meta.dirname, "board-ui");
  if (existsSync(beside)) return beside;
  return dirname(createRequire(import.meta.url).resolve("@bull-board/ui/package.json"));
}
