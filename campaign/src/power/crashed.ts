import { createHash, type Hash } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { DirectoryNode, FileNode, type Node, type Survives } from "./nodes.ts";

/** What a crash leaves of a directory: names with contents, targets or further names. */
export type Left = Map<string, Buffer | string | Left>;

export function leftOf(directory: DirectoryNode, survives: Survives): Left {
  return leftIn(
    directory.after(survives),
    (each) => leftOf(each, survives),
    (file) => file.after(survives),
  );
}

/** What the programs themselves see. */
export function seenIn(directory: DirectoryNode): Left {
  return leftIn(directory.names, seenIn, ({ contents }) => contents);
}

function leftIn(
  names: ReadonlyMap<string, Node>,
  ofDirectory: (node: DirectoryNode) => Left,
  ofFile: (node: FileNode) => Buffer,
): Left {
  const left: Left = new Map();
  for (const [name, node] of names) {
    if (node instanceof DirectoryNode) left.set(name, ofDirectory(node));
    else left.set(name, node instanceof FileNode ? ofFile(node) : node.target);
  }
  return left;
}

/** The same for the same names and contents. */
export function digestOf(left: Left): string {
  const hash = createHash("sha256");
  addTo(hash, left);
  return hash.digest("hex");
}

function addTo(hash: Hash, left: Left): void {
  for (const name of [...left.keys()].toSorted()) {
    const found = left.get(name);
    hash.update(JSON.stringify(name));
    if (found instanceof Map) {
      hash.update("{");
      addTo(hash, found);
      hash.update("}");
    } else if (found !== undefined) {
      hash.update(typeof found === "string" ? `-> ${JSON.stringify(found)}` : digestOfBytes(found));
    }
  }
}

/** Files that were not changed have the same buffer at each crash. */
const digests = new WeakMap<Buffer, string>();

function digestOfBytes(bytes: Buffer): string {
  const known = digests.get(bytes);
  if (known !== undefined) return known;
  const digest = createHash("sha256").update(bytes).digest("hex");
  digests.set(bytes, digest);
  return digest;
}

/** Makes it a directory again. */
export async function writeLeft(left: Left, directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o700 });
  for (const [name, found] of left) {
    const target = path.join(directory, name);
    if (found instanceof Map) await writeLeft(found, target);
    else if (typeof found === "string") await symlink(found, target);
    else await writeFile(target, found, { mode: 0o600 });
  }
}
