import { hasBlob } from "../client/download.ts";
import { getManifest, headManifest, type Manifest, putManifest } from "../client/manifests.ts";
import { type BlobSource, uploadBlob } from "../client/upload.ts";
import type { Session } from "../client/session.ts";
import type { Content, Digest } from "../reference/digest.ts";

/** Bytes of one blob that have moved. */
export interface TransferProgress {
  readonly direction: "push" | "pull";
  readonly digest: Digest;
  /** How many bytes have moved so far. Less than before after an upload that had to start anew. */
  readonly bytes: number;
  readonly total: number;
}

export type OnProgress = (progress: TransferProgress) => void;

export interface RepositoryOptions {
  readonly session: Session;
  /** `path/name` */
  readonly name: string;
  /** See `OpenRegistryOptions`. */
  readonly chunkBytes: number;
  readonly temporaryDirectory: string;
  readonly onProgress: OnProgress;
}

/** How a blob came to be in the repository. */
export type PushOutcome = "present" | "mounted" | "uploaded";

/** One repository: what the artefacts are made of. */
export class Repository {
  readonly session: Session;
  readonly name: string;
  /** An existing directory for files that are removed again. */
  readonly temporaryDirectory: string;
  readonly #chunkBytes: number;
  readonly #onProgress: OnProgress;

  constructor({ session, name, chunkBytes, temporaryDirectory, onProgress }: RepositoryOptions) {
    this.session = session;
    this.name = name;
    this.temporaryDirectory = temporaryDirectory;
    this.#chunkBytes = chunkBytes;
    this.#onProgress = onProgress;
  }

  /** `reg.example:5000/path/name:TAG` or `…@DIGEST`, for messages. */
  label(reference: string): string {
    const separator = reference.startsWith("sha256:") ? "@" : ":";
    return `${this.session.origin.host}/${this.name}${separator}${reference}`;
  }

  /** What every request of this repository needs. */
  access(signal: AbortSignal): { session: Session; repository: string; signal: AbortSignal } {
    return { session: this.session, repository: this.name, signal };
  }

  /** A function that takes the number of bytes that have moved since its last call. */
  counter(direction: "push" | "pull", { digest, size: total }: Content, start = 0): (bytes: number) => void {
    let bytes = start;
    return (more) => {
      bytes = Math.min(bytes + more, total);
      this.#onProgress({ direction, digest, bytes, total });
    };
  }

  /** Makes sure that the repository has a blob. */
  async pushBlob(
    content: Content,
    source: BlobSource,
    { signal, mountFrom }: { readonly signal: AbortSignal; readonly mountFrom?: string | undefined },
  ): Promise<PushOutcome> {
    if (await hasBlob(this.access(signal), content)) return "present";
    const onBytes = this.counter("push", content);
    const access = { ...this.access(signal), chunkBytes: this.#chunkBytes, mountFrom, onBytes };
    return await uploadBlob(access, content, source);
  }

  async hasBlob(content: Content, signal: AbortSignal): Promise<boolean> {
    return await hasBlob(this.access(signal), content);
  }

  async headManifest(reference: string, signal: AbortSignal): Promise<Digest | undefined> {
    return await headManifest({ ...this.access(signal), reference });
  }

  async getManifest(reference: string, signal: AbortSignal): Promise<Manifest | undefined> {
    return await getManifest({ ...this.access(signal), reference });
  }

  async putManifest(
    reference: string,
    { mediaType, bytes, signal }: { mediaType: string; bytes: Uint8Array; signal: AbortSignal },
  ): Promise<Digest> {
    return await putManifest({ ...this.access(signal), reference }, { mediaType, bytes });
  }
}
