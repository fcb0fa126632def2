import type { Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { errorMessage, ObError, errnoCode, throwIfCancelled } from "@ob/core";
import { fromBytes, toBytes } from "@ob/spec";
import { type DigestCache, noDigestCache } from "./digest-cache.ts";
import { digestFiles } from "./file-digest.ts";
import { noDirectories, type OwnDirectories } from "./own-directories.ts";

/**
 * What `copy` would copy. Paths are relative to the source directory, without `.` and empty parts; the path of the
 * directory itself is empty. The entries of a directory are sorted by the bytes of their names.
 */
export type Manifest =
  | { readonly kind: "file"; readonly path: string; readonly sha256: string }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | { readonly kind: "directory"; readonly path: string; readonly entries: readonly Manifest[] };

export interface ManifestOptions {
  readonly sourceDirectory: string;
  /** Base names that are left out of directories at any depth, unread. */
  readonly exclude?: readonly string[];
  /** Directories that are left out wherever they are, unread; by default none. */
  readonly own?: OwnDirectories | undefined;
  /** The digests that earlier builds have computed; by default none. */
  readonly digests?: DigestCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Describes one source of a `copy`, with the sha256 of every file. Symbolic links are described, not followed.
 *
 * @throws ObError `BAD_SOURCE` if `source` has `..`, does not exist, leads through something that is not a directory or
 *   into the store, or if there is anything but files, directories and symbolic links; `CANCELLED`.
 */
export async function generateManifest(source: string, options: ManifestOptions): Promise<Manifest> {
  const { sourceDirectory, digests: cache = noDigestCache, signal } = options;
  const path = await checkPath(source, options);
  const tree = await readTree(path, await kindAt(path, options), options);
  const files = [...filesOf(tree)];
  const toDigest = files.map((file) => ({
    path: sourcePath(sourceDirectory, file),
    name: file,
    explain: (cause: unknown) => explain(cause, file, sourceDirectory),
  }));
  const digests = await digestFiles(toDigest, { digests: cache, signal });
  return withDigests(tree, new Map(files.map((file, index) => [file, digests[index] ?? ""])));
}

/** Looks whether a source exists and can be copied, reading none of it. @throws ObError as `generateManifest`. */
export async function checkSource(source: string, options: ManifestOptions): Promise<void> {
  const path = await checkPath(source, options);
  if ((await kindAt(path, options)) === "other") throw notCopyable(path);
}

/** The absolute path of something in a manifest, as bytes. */
export function sourcePath(sourceDirectory: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${sourceDirectory}/`), toBytes(path)]);
}

/** A manifest before the files are read. */
type Tree =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | { readonly kind: "directory"; readonly path: string; readonly entries: readonly Tree[] };

/** Resolves `source` part by part, as the original does: only the last part may be a link or a file. */
async function checkPath(source: string, options: ManifestOptions): Promise<string> {
  const { sourceDirectory, own = noDirectories } = options;
  const parts = source.split("/");
  const resolved: string[] = [];
  for (const [index, part] of parts.entries()) {
    if (part === "" || part === ".") continue;
    if (part === "..") throw badSource(`${quoted(source)} may not leave the source directory with "..".`);
    resolved.push(part);
    const path = resolved.join("/");
    const kind = await kindAt(path, options);
    if (kind === "directory" && own.has(sourcePath(sourceDirectory, path))) throw isStore(source, path);
    const isLast = index === parts.length - 1;
    if (kind === "directory" || (isLast && (kind === "file" || kind === "symlink"))) continue;
    if (isLast) throw notCopyable(path);
    throw badSource(`${quoted(source)} leads through ${quoted(path)}, which is not a directory.`);
  }
  return resolved.join("/");
}

/** The kind of a file; `copy` accepts all but the last. */
type Kind = "file" | "symlink" | "directory" | "other";

async function readTree(path: string, kind: Kind, options: ManifestOptions): Promise<Tree> {
  const { sourceDirectory, exclude = [], own = noDirectories, signal } = options;
  throwIfCancelled(signal);
  const absolute = sourcePath(sourceDirectory, path);
  switch (kind) {
    case "file":
      return { kind, path };
    case "symlink": {
      const target = await explained(path, options, () => readlink(absolute, { encoding: "buffer" }));
      return { kind, path, target: fromBytes(target) };
    }
    case "directory": {
      const found = await explained(path, options, () =>
        readdir(absolute, { encoding: "buffer", withFileTypes: true }),
      );
      const entries: Tree[] = [];
      for (const entry of found.toSorted((a, b) => Buffer.compare(a.name, b.name))) {
        const name = fromBytes(entry.name);
        if (exclude.includes(name)) continue;
        const below = path === "" ? name : `${path}/${name}`;
        const entryKind = kindOf(entry);
        if (entryKind === "directory" && (await own.leavesOut(sourcePath(sourceDirectory, below)))) continue;
        entries.push(await readTree(below, entryKind, options));
      }
      return { kind, path, entries };
    }
    case "other":
      throw notCopyable(path);
  }
}

function kindOf(entry: Pick<Stats, "isFile" | "isSymbolicLink" | "isDirectory">): Kind {
  if (entry.isFile()) return "file";
  if (entry.isSymbolicLink()) return "symlink";
  return entry.isDirectory() ? "directory" : "other";
}

async function kindAt(path: string, options: ManifestOptions): Promise<Kind> {
  return kindOf(await explained(path, options, () => lstat(sourcePath(options.sourceDirectory, path))));
}

function* filesOf(tree: Tree): Iterable<string> {
  if (tree.kind === "file") yield tree.path;
  if (tree.kind === "directory") for (const entry of tree.entries) yield* filesOf(entry);
}

function withDigests(tree: Tree, digests: ReadonlyMap<string, string>): Manifest {
  switch (tree.kind) {
    case "file":
      return { ...tree, sha256: digests.get(tree.path) ?? "" };
    case "symlink":
      return tree;
    case "directory":
      return { ...tree, entries: tree.entries.map((entry) => withDigests(entry, digests)) };
  }
}

/** Reads, and turns an error of the file system into one about the source. */
async function explained<T>(
  path: string,
  { sourceDirectory }: ManifestOptions,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw explain(cause, path, sourceDirectory);
  }
}

function explain(cause: unknown, path: string, sourceDirectory: string): ObError {
  const code = errnoCode(cause);
  // A file name cannot have a NUL byte: there is no such file.
  if (code !== "ENOENT" && code !== "ERR_INVALID_ARG_VALUE") {
    const message = `Cannot read ${quoted(path)} in ${quoted(sourceDirectory)}: ${errorMessage(cause)}`;
    return badSource(message, cause);
  }
  return badSource(
    path === ""
      ? `The source directory ${quoted(sourceDirectory)} does not exist.`
      : `${quoted(path)} does not exist in the source directory ${quoted(sourceDirectory)}.`,
    cause,
  );
}

function isStore(source: string, path: string): ObError {
  const what = path === source ? quoted(source) : `${quoted(source)} leads to ${quoted(path)}, which`;
  return badSource(`${what} is the store of this build, which is never copied.`);
}

function notCopyable(path: string): ObError {
  return badSource(
    `${quoted(path)} is neither a file nor a directory nor a symbolic link; it cannot be copied.`,
  );
}

function badSource(message: string, cause?: unknown): ObError {
  return new ObError("BAD_SOURCE", message, {
    cause,
    hint: "`src` names files and directories in the source directory.",
  });
}

function quoted(path: string): string {
  return JSON.stringify(path);
}
