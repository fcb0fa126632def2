import { lstatSync } from "node:fs";
import type { Manifest } from "./manifest.ts";
import { SourceTree } from "./source-tree.ts";

/** What a `copy` takes from the source directory. */
export interface CopySize {
  readonly files: number;
  readonly bytes: number;
  /** The five largest files, largest first; paths are relative to the source directory. */
  readonly largest: readonly { readonly path: string; readonly bytes: number }[];
}

const shown = 5;

/** A file that has vanished since it was read counts as empty. */
export function copySize(manifests: readonly Manifest[], sourceDirectory: string): CopySize {
  using tree = new SourceTree(sourceDirectory);
  const files = manifests
    .flatMap((manifest) => [...pathsOf(manifest)])
    .map((path) => ({
      path,
      bytes: sizeAt(path, tree),
    }));
  return {
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    largest: files.toSorted((a, b) => b.bytes - a.bytes).slice(0, shown),
  };
}

function* pathsOf(manifest: Manifest): Iterable<string> {
  if (manifest.kind === "file") yield manifest.path;
  if (manifest.kind === "directory") for (const entry of manifest.entries) yield* pathsOf(entry);
}

function sizeAt(path: string, tree: SourceTree): number {
  try {
    return lstatSync(tree.locate(path)).size;
  } catch {
    return 0;
  }
}
