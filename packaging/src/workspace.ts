import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Absolute path of the repository. */
export const repository = resolve(import.meta.dirname, "../..");

/** What is read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly packageManager?: string;
  readonly exports?: Exports;
  readonly imports?: Exports;
  readonly bin?: Readonly<Record<string, string>>;
  readonly engines?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** A target, or one for each condition or subpath. */
export type Exports = string | { readonly [key: string]: Exports };

export interface WorkspacePackage {
  readonly name: string;
  /** Path of its folder, from the repository. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export function readManifest(directory: string): Manifest {
  const manifest: Manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  return manifest;
}

/** The packages of the workspace that are published, by their folders. */
export function publicPackages(): readonly WorkspacePackage[] {
  const files = globSync(["packages/*/package.json", "*/package.json"], { cwd: repository });
  return files
    .map((file) => ({ folder: dirname(file), manifest: readManifest(join(repository, dirname(file))) }))
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest }) => ({ name: manifest.name, folder, manifest }))
    .toSorted((a, b) => a.folder.localeCompare(b.folder));
}

/** The paths of all targets in `exports` or `imports`. */
export function targetsOf(exports: Exports | undefined): readonly string[] {
  if (exports === undefined) return [];
  return typeof exports === "string" ? [exports] : Object.values(exports).flatMap(targetsOf);
}
