import { type FileHandle, open } from "node:fs/promises";

const blockBytes = 64 << 10;
const zeros = Buffer.alloc(blockBytes);

/**
 * Writes a file from its start to its end, and leaves a hole where a whole block of 64 KiB is zero: disks are mostly holes,
 * and stay as small as they were. The file must not exist.
 */
export class SparseFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #block = Buffer.alloc(blockBytes);
  #used = 0;
  #position = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async create(path: string): Promise<SparseFile> {
    return new SparseFile(await open(path, "wx", 0o600));
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      const part = bytes.subarray(at, at + blockBytes - this.#used);
      this.#block.set(part, this.#used);
      this.#used += part.byteLength;
      at += part.byteLength;
      if (this.#used === blockBytes) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const block = this.#block.subarray(0, this.#used);
    const isHole = block.equals(zeros.subarray(0, this.#used));
    for (let done = isHole ? this.#used : 0; done < this.#used;) {
      done += (await this.#handle.write(block, done, this.#used - done, this.#position + done)).bytesWritten;
    }
    this.#position += this.#used;
    this.#used = 0;
  }

  /** Writes what is left and gives the file its length. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#handle.truncate(this.#position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
