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

/** How long a blob that was seen is believed to be there, in milliseconds, and of how many that is remembered. */
const [believedMs, maxSeen] = [300_000, 50_000];

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
  /** Blobs that were seen in the repository, and until when that is believed, by `performance.now()`. */
  readonly #seen = new Map<Digest, number>();

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

  /** Reports a pull: a function that takes the number of bytes that have come since its last call. */
  pullCounter({ digest, size: total }: Content, start = 0): (bytes: number) => void {
    let bytes = start;
    return (more) => {
      bytes = Math.min(bytes + more, total);
      this.#onProgress({ direction: "pull", digest, bytes, total });
    };
  }

  /** Makes sure that the repository has a blob. */
  async pushBlob(
    content: Content,
    source: BlobSource,
    { signal, mountFrom }: { readonly signal: AbortSignal; readonly mountFrom?: string | undefined },
  ): Promise<PushOutcome> {
    if (await this.hadBlob(content, signal)) return "present";
    const { digest, size: total } = content;
    const onOffset = (bytes: number): void => this.#onProgress({ direction: "push", digest, bytes, total });
    const access = { ...this.access(signal), chunkBytes: this.#chunkBytes, mountFrom, onOffset };
    const outcome = await uploadBlob(access, content, source);
    this.#see(content);
    return outcome;
  }

  /** Asks the registry for a blob. */
  async hasBlob(content: Content, signal: AbortSignal): Promise<boolean> {
    const isThere = await hasBlob(this.access(signal), content);
    if (isThere) this.#see(content);
    else this.#seen.delete(content.digest);
    return isThere;
  }

  /** As `hasBlob`, but what was seen a short time ago is believed: the layers of a build have most blobs in common. */
  async hadBlob(content: Content, signal: AbortSignal): Promise<boolean> {
    const until = this.#seen.get(content.digest) ?? 0;
    return until > performance.now() || (await this.hasBlob(content, signal));
  }

  #see({ digest }: Content): void {
    if (this.#seen.size >= maxSeen) this.#seen.clear();
    this.#seen.set(digest, performance.now() + believedMs);
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
    try {
      return await putManifest({ ...this.access(signal), reference }, { mediaType, bytes });
    } catch (error) {
      // One of its blobs may have been collected since.
      this.#seen.clear();
      throw error;
    }
  }
}
