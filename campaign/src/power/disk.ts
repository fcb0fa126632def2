import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";
import { DirectoryNode, type EntryChange, FileNode, type Node } from "./nodes.ts";
import type { Change } from "./record.ts";

/**
 * A directory on a disk that a host writes to: what programs see, and what of it a crash of the host leaves. Only what was flushed is
 * certain: the contents of a file by its own fsync, its name by that of the directory it is in. All else may be there or not, in any order.
 */
export class Disk {
  readonly root = new DirectoryNode();
  readonly #directory: string;
  readonly #inodes = new Map<number, Node>();
  #changes = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Takes what a directory holds as flushed. */
  static async read(directory: string): Promise<Disk> {
    const disk = new Disk(directory);
    await disk.#begin(directory, disk.root);
    return disk;
  }

  /**
   * Likewise, of the copy of a directory.
   *
   * @param of path of the directory that was copied.
   * @param inodes the numbers of what was in it, by their paths in it.
   */
  static async readCopy(
    copy: string,
    { of, inodes }: { readonly of: string; readonly inodes: ReadonlyMap<string, number> },
  ): Promise<Disk> {
    const disk = new Disk(of);
    await disk.#begin(copy, disk.root, (full) => inodes.get(path.relative(copy, full)));
    return disk;
  }

  /** The same disk, to be changed by itself; of one that was read, and not changed since. */
  copy(): Disk {
    const other = new Disk(this.#directory);
    const copies = new Map<Node, Node>([[this.root, other.root]]);
    copyNames(this.root, other.root, copies);
    for (const [inode, node] of this.#inodes) {
      const copied = copies.get(node);
      if (copied) other.#inodes.set(inode, copied);
    }
    return other;
  }

  apply(change: Change): void {
    this.#changes += 1;
    const at = this.#changes;
    switch (change.kind) {
      case "create":
        if (this.#find(change.path) !== this.#inodes.get(change.inode) || !this.#find(change.path))
          this.#make(change, new FileNode(Buffer.alloc(0), { flushed: false }));
        return;
      case "mkdir":
        return this.#make(change, new DirectoryNode());
      case "symlink":
        return this.#make(change, { target: change.target });
      case "write":
        return this.#file(change.inode)?.write(at, change.offset, change.bytes);
      case "resize":
        return this.#file(change.inode)?.resize(at, change.size);
      case "sync":
        return this.#sync(change.inode);
      case "say":
        return;
      case "remove":
      case "rename":
      case "exchange":
      case "link":
        return DirectoryNode.change({ at, sides: this.#sides(change) });
    }
  }

  async #begin(
    from: string,
    into: DirectoryNode,
    inodeOf: (full: string) => number | undefined = () => undefined,
  ): Promise<void> {
    const add = async (full: string, node: Node): Promise<void> => {
      this.#inodes.set(inodeOf(full) ?? (await lstat(full)).ino, node);
    };
    await add(from, into);
    for (const entry of await readdir(from, { withFileTypes: true })) {
      const full = path.join(from, entry.name);
      const node = entry.isDirectory()
        ? new DirectoryNode()
        : entry.isSymbolicLink()
          ? { target: await readlink(full) }
          : new FileNode(await readFile(full), { flushed: true });
      into.begin(entry.name, node);
      if (node instanceof DirectoryNode) await this.#begin(full, node, inodeOf);
      else await add(full, node);
    }
  }

  #make({ inode, path: full }: { readonly inode: number; readonly path: string }, node: Node): void {
    this.#inodes.set(inode, node);
    DirectoryNode.change({ at: this.#changes, sides: [{ ...this.#place(full), node }] });
  }

  #sides(change: Extract<Change, { kind: "remove" | "rename" | "exchange" | "link" }>): EntryChange["sides"] {
    const node = this.#find(change.path);
    if (!node) throw new Error(`the record has no beginning of ${change.path}`);
    const from = this.#place(change.path);
    if (change.kind === "remove") return [{ ...from, node: undefined }];
    const to = this.#place(change.to);
    if (change.kind === "link") return [{ ...to, node }];
    const other = change.kind === "exchange" ? this.#find(change.to) : undefined;
    // Two names of one file: rename does nothing.
    if (node === this.#find(change.to)) return [];
    return [
      { ...from, node: other },
      { ...to, node },
    ];
  }

  #sync(inode: number): void {
    const node = this.#inodes.get(inode);
    if (node instanceof FileNode || node instanceof DirectoryNode) node.sync();
  }

  /** Undefined for a file that has no name in the directory. */
  #file(inode: number): FileNode | undefined {
    const node = this.#inodes.get(inode);
    return node instanceof FileNode ? node : undefined;
  }

  #place(full: string): { readonly directory: DirectoryNode; readonly name: string } {
    const directory = this.#find(path.dirname(full));
    if (!(directory instanceof DirectoryNode))
      throw new Error(`the record has no beginning of the directory of ${full}`);
    return { directory, name: path.basename(full) };
  }

  #find(full: string): Node | undefined {
    let node: Node | undefined = this.root;
    const words = path.relative(this.#directory, full).split("/");
    for (const word of words) {
      if (word === "") continue;
      if (!(node instanceof DirectoryNode)) return undefined;
      node = node.names.get(word);
    }
    return node;
  }
}

function copyNames(from: DirectoryNode, to: DirectoryNode, copies: Map<Node, Node>): void {
  for (const [name, node] of from.names) {
    const copied =
      copies.get(node) ??
      (node instanceof DirectoryNode
        ? new DirectoryNode()
        : node instanceof FileNode
          ? new FileNode(node.contents, { flushed: true })
          : node);
    if (node instanceof DirectoryNode && copied instanceof DirectoryNode) copyNames(node, copied, copies);
    copies.set(node, copied);
    to.begin(name, copied);
  }
}
