import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { extract } from "tar-stream";

/** What a tree has at each path: a digest of its contents, a link's target, or nothing for a directory. */
export type Tree = ReadonlyMap<string, string>;

/** The greatest tree that is read, in bytes and in entries: a guest may send anything. */
const limits = { bytes: 100_000_000, entries: 1000 };

/** The tree in a tar archive. @throws Error if it is greater than any that the check has made; the archive's own. */
export async function treeOfArchive(archive: AsyncIterable<Uint8Array>): Promise<Tree> {
  const tree = new Map<string, string>();
  const reader = extract();
  let bytes = 0;
  const entries = (async () => {
    for await (const entry of reader) {
      const { header } = entry;
      const hash = createHash("sha256");
      for await (const chunk of entry) if (chunk instanceof Uint8Array) hash.update(chunk);
      const name = header.name.replace(/^\.?\/+|\/+$/g, "");
      if (name === "" || name === ".") continue;
      if (tree.size >= limits.entries) throw new Error("The guest sent more files than were copied.");
      if (header.type === "directory") tree.set(name, "a directory");
      else if (header.type === "symlink") tree.set(name, `a link to ${header.linkname}`);
      else tree.set(name, `a file with the sha256 ${hash.digest("hex")}`);
    }
  })();
  const bounded = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of archive) {
      bytes += chunk.length;
      if (bytes > limits.bytes) throw new Error("The guest sent more than was copied.");
      yield chunk;
    }
  };
  // Both have ended before the archive's guest is given back. The reader's own error comes first.
  const ends = await Promise.allSettled([entries, pipeline(Readable.from(bounded()), reader)]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return tree;
}

/** The tree in a directory of the host. */
export async function treeOfDirectory(directory: string): Promise<Tree> {
  const tree = new Map<string, string>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    if (entry.isDirectory()) tree.set(name, "a directory");
    else if (entry.isSymbolicLink()) tree.set(name, `a link to ${await readlink(path)}`);
    else tree.set(name, `a file with the sha256 ${await digest(path)}`);
  }
  return tree;
}

/** What differs, a line for each path; empty if nothing does. Links may be missing where the guest's tar leaves them out. */
export function differences(
  expected: Tree,
  found: Tree,
  { mayLackLinks }: { readonly mayLackLinks: boolean },
): readonly string[] {
  const wrong = [...expected].flatMap(([path, what]) => {
    const there = found.get(path);
    if (there === what || (there === undefined && mayLackLinks && what.startsWith("a link"))) return [];
    return [`${JSON.stringify(path)} should be ${what}, and is ${there ?? "not there"}`];
  });
  const additional = [...found.keys()].filter((path) => !expected.has(path));
  return [...wrong, ...additional.map((path) => `${JSON.stringify(path)} was not copied`)];
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
