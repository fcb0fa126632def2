import { closeSync, constants, openSync } from "node:fs";
import { toBytes } from "@ob/spec";

/** Opening a FIFO must not wait for a writer, nor a terminal become ours. */
const fileFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY;

interface OpenDirectory {
  readonly path: string;
  readonly descriptor: number;
}

/**
 * Reads a source directory without following a symbolic link below it, also while somebody replaces directories by
 * links. Each directory is opened by its name in the one above, which stays open: Node.js has no `openat`, but Linux
 * finds `/proc/self/fd/N/NAME` by descriptor N. On other systems it finds files by their paths.
 *
 * Paths are those of a manifest. All methods throw Node's own error, without an exact path in it: `ENOTDIR` or `ELOOP` if
 * there is no directory, or no file, at the path any more. Disposing closes what is open.
 */
export class SourceTree implements Disposable {
  readonly #sourceDirectory: string;
  /** The directory of the last call and those above it, outermost first. */
  readonly #open: OpenDirectory[] = [];

  constructor(sourceDirectory: string) {
    this.#sourceDirectory = sourceDirectory;
  }

  /** A path at which the system finds the entry, until the next call. */
  locate(path: string): Buffer {
    const end = path.lastIndexOf("/");
    const directory = this.directory(end === -1 ? "" : path.slice(0, end));
    return childOf(directory, path === "" ? "." : path.slice(end + 1));
  }

  /** A path at which the system finds the directory, until the next call. */
  directory(path: string): Buffer {
    let above = this.#open.at(-1);
    while (above !== undefined && !isBelow(path, above.path)) {
      this.#open.pop();
      closeSync(above.descriptor);
      above = this.#open.at(-1);
    }
    // The source directory itself may be a link.
    above ??= this.#enter("", Buffer.from(this.#sourceDirectory), 0);
    while (above.path !== path) {
      const start: number = above.path === "" ? 0 : above.path.length + 1;
      const end = path.indexOf("/", start);
      const next = end === -1 ? path : path.slice(0, end);
      above = this.#enter(next, childOf(this.#pathOf(above), next.slice(start)), constants.O_NOFOLLOW);
    }
    return this.#pathOf(above);
  }

  /** Opens a file to be read. The caller closes it, and checks that it is one: it may be a FIFO or a device by now. */
  openFile(path: string): number {
    return openSync(this.locate(path), fileFlags);
  }

  [Symbol.dispose](): void {
    for (const { descriptor } of this.#open.splice(0)) closeSync(descriptor);
  }

  #enter(path: string, location: Buffer, noFollow: number): OpenDirectory {
    const directory = { path, descriptor: openSync(location, directoryFlags | noFollow) };
    this.#open.push(directory);
    return directory;
  }

  #pathOf({ path, descriptor }: OpenDirectory): Buffer {
    if (process.platform === "linux") return Buffer.from(`/proc/self/fd/${descriptor}`);
    return path === ""
      ? Buffer.from(this.#sourceDirectory)
      : childOf(Buffer.from(this.#sourceDirectory), path);
  }
}

function isBelow(path: string, directory: string): boolean {
  return directory === "" || path === directory || path.startsWith(`${directory}/`);
}

function childOf(directory: Buffer, name: string): Buffer {
  return Buffer.concat([directory, Buffer.from("/"), toBytes(name)]);
}
