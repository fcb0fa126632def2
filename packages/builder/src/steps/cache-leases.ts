import {
  type CacheFileSystem,
  type CacheLease,
  type CacheMount,
  type CacheRequest,
  type CacheSharing,
  type CacheStore,
  type Emit,
  errorMessage,
  ObError,
} from "@ob/core";
import type { RunCache } from "@ob/spec";

const sharings: readonly CacheSharing[] = ["shared", "private", "locked"];

/**
 * The requests to the cache store.
 *
 * @throws ObError `BAD_SPEC` for an unknown `sharing`, or a locked cache that the step would wait for forever.
 */
export function cacheRequests(
  caches: readonly RunCache[],
  fileSystem: CacheFileSystem,
): readonly CacheRequest[] {
  const requests = caches.map(({ name, buildkitOptions }) => ({
    name,
    fileSystem,
    sharing: sharingOf(name, buildkitOptions),
  }));
  const names = requests.map(({ name }) => name);
  const twice = requests.find(
    ({ name, sharing }, index) =>
      sharing === "locked" && names.some((other, i) => other === name && i !== index),
  );
  if (!twice) return requests;
  throw new ObError(
    "BAD_SPEC",
    `The locked cache ${JSON.stringify(twice.name)} is mounted twice in one step.`,
    {
      hint: "Mount it once, or drop `(sharing locked)`.",
    },
  );
}

/** The cache leases of one step. Disposing discards those that were not released. */
export class CacheLeases implements AsyncDisposable {
  readonly #leases = new Map<CacheRequest, CacheLease>();
  readonly #stack = new AsyncDisposableStack();

  /** Acquires them one after the other, in the order of their names, so that two steps never deadlock. */
  async acquire(
    requests: readonly CacheRequest[],
    { caches, signal }: { readonly caches: CacheStore; readonly signal: AbortSignal },
  ): Promise<void> {
    for (const request of requests.toSorted((a, b) => compare(a.name, b.name))) {
      this.#leases.set(request, this.#stack.use(await caches.acquire(request, signal)));
    }
  }

  /** The mount of a request's disk. */
  mount(request: CacheRequest, target: string): CacheMount {
    const lease = this.#leases.get(request);
    if (!lease) throw new TypeError(`The cache ${request.name} was not acquired.`);
    const { name, disk, formatted } = lease;
    return { name, disk, formatted, target };
  }

  /** Publishes the caches as the step left them. A failure is logged, and does not fail the step. */
  async release(emit: Emit): Promise<void> {
    for (const lease of this.#leases.values()) {
      try {
        await lease.release();
      } catch (error) {
        const text = `The cache ${JSON.stringify(lease.name)} was not updated: ${errorMessage(error)}`;
        emit({ type: "log", level: "warning", text });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function sharingOf(name: string, options: RunCache["buildkitOptions"]): CacheSharing {
  const value = options.find(([key]) => key === "sharing")?.[1] ?? "shared";
  const sharing = sharings.find((known) => known === value);
  if (sharing) return sharing;
  throw new ObError(
    "BAD_SPEC",
    `The cache ${JSON.stringify(name)} has the unknown sharing ${JSON.stringify(value)}.`,
    {
      hint: `The values are ${sharings.join(", ")}; the default is shared.`,
    },
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
