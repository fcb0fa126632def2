import { type FileIdentity, isUnchanged, sha256File } from "@ob/core";

/** A file and the sha256 of its bytes. */
export interface DigestedFile extends FileIdentity {
  readonly sha256: string;
}

/** The digests of files, each computed once. Disposing ends what is being computed. */
export class ContentDigests implements Disposable {
  readonly #known = new Map<string, Promise<DigestedFile | undefined>>();
  readonly #ended = new AbortController();

  /** Undefined if the file is another by now. Rejects with Node's own error if it cannot be read, and when this is disposed of. */
  async of(file: FileIdentity): Promise<DigestedFile | undefined> {
    const name = `${file.path}\0${file.id}`;
    const known = this.#known.get(name);
    if (known) return await known;
    const computed = compute(file, this.#ended.signal);
    this.#known.set(name, computed);
    const found = await computed.catch(() => undefined);
    if (!found) this.#known.delete(name);
    return await computed;
  }

  /** Begins to compute digests that are needed later; errors are reported then. */
  begin(files: readonly FileIdentity[]): void {
    for (const file of files) void this.of(file).catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }
}

async function compute(file: FileIdentity, signal: AbortSignal): Promise<DigestedFile | undefined> {
  const sha256 = await sha256File(file.path, signal);
  return (await isUnchanged(file)) ? { ...file, sha256 } : undefined;
}
