import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { errnoCode, errorMessage, ObError } from "@ob/core";
import type { Bind } from "./bwrap-args.ts";
import type { VmUser } from "./vm-user.ts";

/** A file that QEMU opens. */
export interface VisibleFile {
  /** Absolute path. */
  readonly path: string;
  readonly access: "read" | "write";
  /** True for a file to read that may be the caller's own: it gets its owner and mode back as those that QEMU writes to. */
  readonly borrowed?: boolean | undefined;
}

export interface FileViewOptions {
  /** Absolute path of a directory of the VM's own. */
  readonly directory: string;
  /** Absolute paths of directories in which QEMU may be shown files to write to while it runs. */
  readonly writableDirectories: readonly string[];
  /** Who QEMU runs as; undefined if as its caller. */
  readonly user: VmUser | undefined;
}

/** What a file was like before it was QEMU's. */
interface Lent {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Where the same file is found even if it was renamed. */
  readonly at: string;
}

/**
 * The files that one QEMU sees, each at its own path. Its root directory holds hard links of them, so that more can be shown to it
 * while it runs, by whoever may do that without privileges. What it may write to is in trees of its own, since the
 * root is read-only. A file that cannot be linked, of another file system, is mounted when QEMU is started.
 *
 *     DIRECTORY/root/PATH   what it reads, and places for what is mounted
 *     DIRECTORY/write-N/    what it writes to below the Nth writable directory
 *
 * Synchronous: each takes microseconds.
 */
export class FileView {
  readonly root: string;
  readonly #trees: readonly { readonly directory: string; readonly tree: string }[];
  readonly #user: VmUser | undefined;
  readonly #mounted: Bind[] = [];
  readonly #lent = new Map<string, Lent>();
  #started = false;

  constructor({ directory, writableDirectories, user }: FileViewOptions) {
    this.root = join(directory, "root");
    this.#user = user;
    this.#trees = writableDirectories.map((each, index) => ({
      directory: each,
      tree: join(directory, `write-${index}`),
    }));
    for (const tree of [this.root, join(this.root, "etc"), ...this.#trees.map(({ tree: path }) => path)])
      makeDirectory(tree, tree);
  }

  /** What is to be mounted when QEMU is started: from then on, files that cannot be linked are refused. */
  start(): readonly Bind[] {
    this.#started = true;
    const trees = this.#trees.map(({ directory, tree }): Bind => {
      makeDirectory(this.root, join(this.root, directory));
      return { kind: "write", source: tree, target: directory };
    });
    return [...trees, ...this.#mounted];
  }

  /**
   * Lets QEMU open a file: read, or read and write. A file that does not exist is left to QEMU, which says so.
   *
   * @throws ObError `TOOL_FAILED` if it cannot be shown to a QEMU that runs already; Node's own error for other failures.
   */
  show({ path, access, borrowed = false }: VisibleFile): void {
    if (!existsSync(path)) return;
    const at = this.#place(path, access) ?? path;
    if (access === "write") this.#lend(path, at);
    else this.#letRead(path, borrowed);
  }

  /** QEMU has closed a file that it wrote to: it is as it was before, and QEMU no longer sees it. */
  hide(path: string): void {
    const lent = this.#lent.get(path);
    this.#lent.delete(path);
    const tree = this.#treeOf(path);
    if (lent) giveBack(lent);
    if (tree) rmSync(placeIn(tree, path), { force: true });
  }

  /** QEMU has ended. */
  close(): void {
    for (const path of [...this.#lent.keys()]) this.hide(path);
  }

  /** @returns where it was linked; undefined if it is mounted. */
  #place(path: string, access: VisibleFile["access"]): string | undefined {
    const tree = this.#treeOf(path);
    if (access === "write" && !tree) return this.#mount({ kind: "write", source: path, target: path });
    const place = tree ? placeIn(tree, path) : join(this.root, path);
    try {
      makeDirectory(tree?.tree ?? this.root, dirname(place));
      // A hard link to a symbolic one would lead out of the view.
      replaceLink(realpathSync(path), place);
      return place;
    } catch (error) {
      if (!["EXDEV", "EPERM", "EMLINK"].includes(errnoCode(error) ?? "")) throw error;
      return this.#mount({ kind: access, source: path, target: path }, error);
    }
  }

  #mount(bind: Bind, cause?: unknown): undefined {
    if (this.#mounted.some(({ target }) => target === bind.target)) return;
    if (!this.#started) {
      // bwrap would make them for its caller only.
      makeDirectory(this.root, dirname(join(this.root, bind.target)));
      this.#mounted.push(bind);
      return;
    }
    const why = cause === undefined ? "it is in no directory for disks" : errorMessage(cause);
    throw new ObError("TOOL_FAILED", `${bind.source} cannot be shown to a QEMU that runs: ${why}.`, {
      cause,
    });
  }

  #treeOf(path: string) {
    return this.#trees.find(({ directory }) => path.startsWith(`${directory}/`));
  }

  #lend(path: string, at: string): void {
    if (!this.#user || this.#lent.has(path)) return;
    const { uid, gid, mode } = statSync(at);
    this.#lent.set(path, { uid, gid, mode, at });
    chownSync(at, this.#user.id, this.#user.id);
    chmodSync(at, 0o600);
  }

  /** Others than VMs cannot: the group is that of VMs only. */
  #letRead(path: string, borrowed: boolean): void {
    const reading = 0o040;
    const anybody = 0o004;
    if (!this.#user) return;
    const { uid, gid, mode } = statSync(path);
    if ((mode & anybody) !== 0 || (gid === this.#user.readers && (mode & reading) !== 0)) return;
    if (borrowed) this.#lent.set(path, { uid, gid, mode, at: path });
    chownSync(path, uid, this.#user.readers);
    chmodSync(path, (mode & 0o700) | reading);
  }
}

function placeIn(
  { directory, tree }: { readonly directory: string; readonly tree: string },
  path: string,
): string {
  return join(tree, relative(directory, path));
}

/** Not by `recursive`: whatever the umask is, the VM's user must be able to pass. */
function makeDirectory(base: string, directory: string): void {
  if (existsSync(directory)) return;
  if (directory !== base) makeDirectory(base, dirname(directory));
  mkdirSync(directory);
  chmodSync(directory, 0o755);
}

/** A disk may have been replaced by another one of the same contents, since it was linked. */
function replaceLink(path: string, place: string): void {
  const known = lstatSync(place, { throwIfNoEntry: false });
  if (known) {
    const { dev, ino } = statSync(path);
    if (known.dev === dev && known.ino === ino) return;
    linkSync(path, `${place}.new`);
    renameSync(`${place}.new`, place);
    return;
  }
  linkSync(path, place);
}

function giveBack({ uid, gid, mode, at }: Lent): void {
  try {
    chownSync(at, uid, gid);
    chmodSync(at, mode & 0o7777);
  } catch (error) {
    // A step that failed may have removed it.
    if (errnoCode(error) !== "ENOENT") throw error;
  }
}
