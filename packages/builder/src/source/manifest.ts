import { lstat, readdir, readlink } from "node:fs/promises";
import { type ObError, throwIfCancelled } from "@ob/core";
import { fromBytes } from "@ob/spec";
import {
  decide,
  ignoredSource,
  type IgnoreRules,
  mayIncludeBelow,
  type Verdict,
} from "../ignore/ignore-rules.ts";
import { type DigestCache, noDigestCache } from "./digest-cache.ts";
import { digestFiles } from "./file-digest.ts";
import { noDirectories, type OwnDirectories } from "./own-directories.ts";
import {
  badSource,
  changedError,
  type FileKind,
  kindOf,
  notCopyable,
  quoted,
  readError,
} from "./source-errors.ts";
import { SourceTree } from "./source-tree.ts";

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
  /** What is left out by patterns, unread unless something below it is not; by default nothing. */
  readonly ignore?: IgnoreRules | undefined;
  /** The digests that earlier builds have computed; by default none. */
  readonly digests?: DigestCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Describes one source of a `copy`, with the sha256 of every file. Symbolic links are described, not followed.
 *
 * @throws ObError `BAD_SOURCE` if `source` has `..`, does not exist, is ignored, leads through something that is not a
 *   directory or into the store, or if there is anything but files, directories and symbolic links; `CANCELLED`.
 */
export async function generateManifest(source: string, options: ManifestOptions): Promise<Manifest> {
  const { sourceDirectory, digests: cache = noDigestCache, signal } = options;
  using reader = new SourceTree(sourceDirectory);
  const reading = { ...options, reader };
  const path = await checkPath(source, reading);
  const verdict = verdictOn(path, reading);
  const tree = await readTree({ path, kind: await kindAt(path, reading), verdict }, reading);
  if (tree === undefined) throw ignoredSource(path, verdict);
  const files = [...filesOf(tree)];
  const explain = (cause: unknown, file: string) =>
    cause === undefined ? changedError(file) : readError(cause, file, sourceDirectory);
  const digests = await digestFiles(files, { tree: reader, digests: cache, explain, signal });
  return withDigests(tree, new Map(files.map((file, index) => [file, digests[index] ?? ""])));
}

/**
 * Looks whether a source exists and can be copied, reading none of it.
 *
 * @throws ObError as `generateManifest` for the source itself; what a directory holds is not looked at.
 */
export async function checkSource(source: string, options: ManifestOptions): Promise<void> {
  using reader = new SourceTree(options.sourceDirectory);
  const reading = { ...options, reader };
  const path = await checkPath(source, reading);
  const kind = await kindAt(path, reading);
  const verdict = verdictOn(path, reading);
  if (kind !== "directory" && verdict?.ignoredBy !== undefined) throw ignoredSource(path, verdict);
}

interface Reading extends ManifestOptions {
  readonly reader: SourceTree;
}

/** A manifest before the files are read. */
type Tree =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | { readonly kind: "directory"; readonly path: string; readonly entries: readonly Tree[] };

/** Resolves `source` part by part, as the original does: only the last part may be a link or a file. */
async function checkPath(source: string, options: Reading): Promise<string> {
  const { reader, own = noDirectories } = options;
  const parts = source.split("/");
  const resolved: string[] = [];
  for (const [index, part] of parts.entries()) {
    if (part === "" || part === ".") continue;
    if (part === "..") throw badSource(`${quoted(source)} may not leave the source directory with "..".`);
    resolved.push(part);
    const path = resolved.join("/");
    const kind = await kindAt(path, options);
    if (kind === "directory" && own.has(reader.locate(path))) throw isStore(source, path);
    const isLast = index === parts.length - 1;
    if (kind === "directory" || (isLast && (kind === "file" || kind === "symlink"))) continue;
    if (isLast) throw notCopyable(path, kind, true);
    throw badSource(`${quoted(source)} leads through ${quoted(path)}, which is not a directory.`);
  }
  return resolved.join("/");
}

/** What was found in a directory. */
interface Found {
  readonly path: string;
  readonly kind: FileKind;
  /** Undefined for the source directory, and without an ignore file. */
  readonly verdict: Verdict | undefined;
}

/** @returns undefined if it is ignored, with all that it has. */
async function readTree(found: Found, options: Reading): Promise<Tree | undefined> {
  throwIfCancelled(options.signal);
  const { path, kind, verdict } = found;
  const isIgnored = verdict?.ignoredBy !== undefined;
  if (isIgnored && (kind !== "directory" || !options.ignore || !mayIncludeBelow(options.ignore, path))) {
    return undefined;
  }
  switch (kind) {
    case "file":
      return { kind, path };
    case "symlink": {
      const target = await explained(path, options, ({ reader }) =>
        readlink(reader.locate(path), { encoding: "buffer" }),
      );
      return { kind, path, target: fromBytes(target) };
    }
    case "directory": {
      const entries = await readEntries(found, options);
      return isIgnored && entries.length === 0 ? undefined : { kind, path, entries };
    }
    case "socket":
    case "FIFO":
    case "device":
      throw notCopyable(path, kind);
  }
}

async function readEntries({ path, verdict: parent }: Found, options: Reading): Promise<readonly Tree[]> {
  const { reader, exclude = [], own = noDirectories, ignore } = options;
  const found = await explained(path, options, () =>
    readdir(reader.directory(path), { encoding: "buffer", withFileTypes: true }),
  );
  const entries: Tree[] = [];
  for (const entry of found.toSorted((a, b) => Buffer.compare(a.name, b.name))) {
    const name = fromBytes(entry.name);
    if (exclude.includes(name)) continue;
    const below = path === "" ? name : `${path}/${name}`;
    const kind = kindOf(entry);
    if (
      kind === "directory" &&
      (await explained(below, options, () => own.leavesOut(reader.locate(below))))
    ) {
      continue;
    }
    const verdict = ignore && decide(ignore, below, parent);
    const tree = await readTree({ path: below, kind, verdict }, options);
    if (tree !== undefined) entries.push(tree);
  }
  return entries;
}

/** Of a `src`: its directories count as well. */
function verdictOn(path: string, { ignore }: Reading): Verdict | undefined {
  if (ignore === undefined || path === "") return undefined;
  let verdict: Verdict | undefined;
  const parts = path.split("/");
  for (const index of parts.keys()) verdict = decide(ignore, parts.slice(0, index + 1).join("/"), verdict);
  return verdict;
}

async function kindAt(path: string, options: Reading): Promise<FileKind> {
  return kindOf(await explained(path, options, ({ reader }) => lstat(reader.locate(path))));
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
  options: Reading,
  read: (options: Reading) => Promise<T>,
): Promise<T> {
  try {
    return await read(options);
  } catch (cause) {
    throw readError(cause, path, options.sourceDirectory);
  }
}

function isStore(source: string, path: string): ObError {
  const what = path === source ? quoted(source) : `${quoted(source)} leads to ${quoted(path)}, which`;
  return badSource(`${what} is the store of this build, which is never copied.`);
}
