import type { CacheLease, CacheRecord, CacheRequest, CacheStore } from "../../ports/cache.ts";
import { orCancelled } from "../../abort.ts";
import { ObError, throwIfCancelled } from "../../errors.ts";

export interface MemoryCacheOptions {
  /** Called before each operation: what it throws is the operation's error, what it awaits delays it. */
  readonly before?: (operation: "acquire" | "release", name: string) => void | Promise<void>;
}

/**
 * Cache disks that are only counted, for tests. Its paths do not exist. Versions show who published: the
 * sharing modes behave as the port says.
 */
export class MemoryCache implements CacheStore {
  /** Leases that were taken and not yet disposed of. */
  openLeases = 0;
  /** What was done, in order: `acquire NAME`, `release NAME`, `drop NAME`. */
  readonly history: string[] = [];

  readonly #before: NonNullable<MemoryCacheOptions["before"]>;
  readonly #versions = new Map<string, number>();
  readonly #locks = new Map<string, Promise<void>>();
  readonly #users = new Map<string, number>();
  readonly #lastUsed = new Map<string, Date>();

  constructor(options: MemoryCacheOptions = {}) {
    this.#before = options.before ?? (() => undefined);
  }

  /** How often a cache was published; 0 if never. */
  versionOf(name: string, fileSystem: CacheRequest["fileSystem"] = "ext4"): number {
    return this.#versions.get(`${fileSystem} ${name}`) ?? 0;
  }

  async acquire(request: CacheRequest, signal?: AbortSignal): Promise<CacheLease> {
    const { name, fileSystem, sharing } = request;
    const key = `${fileSystem} ${name}`;
    await this.#before("acquire", name);
    throwIfCancelled(signal);
    const unlock = sharing === "locked" ? await this.#lock(key, signal) : () => undefined;
    this.openLeases++;
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
    this.#lastUsed.set(key, new Date());
    this.history.push(`acquire ${name}`);
    const start = this.#versions.get(key) ?? 0;
    let state: "open" | "published" | "closed" = "open";
    return {
      name,
      disk: `/memory/cache-tmp/${name}-${this.history.length}.qcow2`,
      formatted: start > 0,
      release: async () => {
        await this.#before("release", name);
        if (state !== "open") return false;
        if ((this.#versions.get(key) ?? 0) !== start) return false;
        state = "published";
        this.#versions.set(key, start + 1);
        this.history.push(`release ${name}`);
        return true;
      },
      [Symbol.asyncDispose]: async () => {
        if (state === "closed") return;
        if (state === "open") this.history.push(`drop ${name}`);
        state = "closed";
        this.openLeases--;
        this.#users.set(name, (this.#users.get(name) ?? 1) - 1);
        unlock();
      },
    };
  }

  async list(): Promise<readonly CacheRecord[]> {
    return [...this.#versions.keys()].map((key) => {
      const name = key.slice(key.indexOf(" ") + 1);
      const lastUsed = this.#lastUsed.get(key) ?? new Date(0);
      return { name, bytes: 0, lastUsed, inUse: (this.#users.get(name) ?? 0) > 0 };
    });
  }

  async remove(name: string): Promise<boolean> {
    const keys = [...this.#versions.keys()].filter((key) => key.slice(key.indexOf(" ") + 1) === name);
    if (keys.length > 0 && (this.#users.get(name) ?? 0) > 0) {
      throw new ObError("CACHE", `The cache ${name} is in use.`);
    }
    for (const key of keys) this.#versions.delete(key);
    return keys.length > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing outside of memory is held.
  }

  async #lock(key: string, signal: AbortSignal | undefined): Promise<() => void> {
    for (;;) {
      const held = this.#locks.get(key);
      if (!held) break;
      await orCancelled(held, signal);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#locks.set(key, promise);
    return () => {
      this.#locks.delete(key);
      resolve();
    };
  }
}
