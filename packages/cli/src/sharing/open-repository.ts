import { ObError } from "@ob/core";
import { openRegistry, parseReference, type Registry, type TransferProgress } from "@ob/registry";

export interface OpenRepositoryOptions {
  readonly ref: string;
  /** Plain http; by default on this machine's loopback only. */
  readonly insecure: boolean;
  /** Bytes that have moved, and how many there are so far. */
  readonly onProgress: (done: number, total: number) => void;
}

export interface OpenRepository extends AsyncDisposable {
  readonly registry: Registry;
  /** That of the reference. */
  readonly tag: string | undefined;
}

/** See `Services.openRepository`. */
export function openRepository({ ref, insecure, onProgress }: OpenRepositoryOptions): OpenRepository {
  const { registry: host, repository, tag, digest } = parseReference(ref);
  if (digest !== undefined) throw new ObError("USAGE", `${ref} has a digest; give a tag.`);
  const blobs = new Map<string, TransferProgress>();
  const registry = openRegistry({
    ref: `${host}/${repository}`,
    ...(insecure && { insecure }),
    onProgress: (progress) => {
      blobs.set(progress.digest, progress);
      const all = [...blobs.values()];
      const sum = (of: (each: TransferProgress) => number) =>
        all.reduce((total, each) => total + of(each), 0);
      onProgress(
        sum(({ bytes }) => bytes),
        sum(({ total }) => total),
      );
    },
  });
  return { registry, tag, [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose]() };
}
