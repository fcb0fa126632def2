import { createHash } from "node:crypto";
import { type EphemeralGuest, ObError } from "@ob/core";
import { toBytes } from "@ob/spec";
import { readTar } from "./reader/read-tar.ts";

/** What is compared of the files of a layer, by their paths from where the tree was read. */
export type LayerTree = ReadonlyMap<string, string>;

/** A change of a file between two layers: it was added, changed or deleted. */
export interface FileChange {
  readonly kind: "added" | "changed" | "deleted";
  /** Absolute in the guest; text in the form of `fromBytes`. */
  readonly path: string;
}

/** What is remembered of an archive at most. A guest is not trusted: it may send entries without end. */
export interface TreeLimits {
  readonly entries: number;
  /** In all their paths. */
  readonly characters: number;
}

const defaultLimits: TreeLimits = { entries: 4_000_000, characters: 2 ** 29 };

export interface ReadTreeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly limits?: TreeLimits | undefined;
}

/**
 * Reads the files below a path in a guest: of each its kind, mode, owner, link, device, extended attributes and contents, and not its
 * times.
 *
 * @param path absolute in the guest.
 * @throws ObError `BAD_SOURCE` if nothing is there, or the guest sends no archive; `GUEST_LOST`, `CANCELLED`.
 */
export async function readLayerTree(
  guest: EphemeralGuest,
  path: string,
  { limits = defaultLimits, signal }: ReadTreeOptions = {},
): Promise<LayerTree> {
  const tree = new Map<string, string>();
  const links = new Map<string, string>();
  let length = 0;
  for await (const entry of readTar(guest.readArchive(path, { signal }))) {
    const { type, mode, uid, gid, linkname, devmajor, devminor, xattrs, sparse, body } = entry;
    const name = joined(path, entry.name);
    length += name.length;
    if (tree.size >= limits.entries || length > limits.characters) throw tooMany(path);
    // Which name of a file is the link depends on the order of a directory.
    if (type === "link") links.set(name, joined(path, linkname));
    const hash = createHash("sha256");
    if (sparse) hash.update(JSON.stringify(sparse));
    for await (const bytes of body) hash.update(bytes);
    // As one text, since millions of objects would take too much memory.
    const attributes = [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
    const facts = [type, mode, uid, gid, linkname, devmajor, devminor, attributes, hash.digest("base64")];
    tree.set(name, createHash("sha256").update(JSON.stringify(facts)).digest("base64"));
  }
  for (const [name, target] of links) tree.set(name, tree.get(target) ?? target);
  return tree;
}

/** What differs between two trees, by path. */
export function compareTrees(before: LayerTree, after: LayerTree): readonly FileChange[] {
  const changes: FileChange[] = [];
  for (const [path, facts] of after) {
    const old = before.get(path);
    if (old === undefined) changes.push({ kind: "added", path });
    else if (old !== facts) changes.push({ kind: "changed", path });
  }
  for (const path of before.keys()) if (!after.has(path)) changes.push({ kind: "deleted", path });
  return changes.toSorted((a, b) => Buffer.compare(toBytes(a.path), toBytes(b.path)));
}

/** `./a/b` and `a/b/` below `/srv` are `/srv/a/b`. */
function joined(path: string, name: string): string {
  const parts = `${path}/${name}`.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.join("/")}`;
}

function tooMany(path: string): ObError {
  return new ObError("BAD_SOURCE", `The guest sends more files below ${path} than any layer has.`);
}
