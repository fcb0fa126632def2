import { copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkOptions, type Emit, errorMessage, errnoCode } from "@ob/core";
import { createRunDirectory } from "@ob/qemu";
import { snapshotFiles } from "./save.ts";
import type { SnapshotKey } from "./snapshot-key.ts";
import { ContentDigests } from "./content-digests.ts";
import { baselineFileIn, type BaselineFile } from "./baseline-file.ts";
import { hasContents, readRecord, writeRecord } from "./snapshot-record.ts";
import { leastUseful, mebibytes, recordUse, spaceOf, startUsage } from "./usage.ts";

export interface SnapshotStoreOptions {
  /** As `SandboxOptions`. */
  readonly stateDirectory: string;
  /** How much disk space all snapshots may take, in bytes; 0 for no snapshots. */
  readonly space: number;
  readonly emit: Emit;
}

export interface SaveRequest {
  /** See `Usage.costMs`. */
  readonly costMs: number;
  /** Saves a VM in an empty directory. */
  readonly write: (directory: string) => Promise<void>;
}

/** A VM snapshot. Its files are held open: it can be resumed even if another process evicts it. */
export interface Snapshot extends AsyncDisposable {
  readonly key: SnapshotKey;
  /** Open descriptors, for QEMU to inherit. */
  readonly saved: { readonly state: number; readonly memory: number };
  /** Overwrites a fresh root disk with what the guest had written when the snapshot was taken. */
  copyDisk(to: string): Promise<void>;
  /** Keeps the baseline of a VM that was resumed from this snapshot: it is the same for all, except for the clock. */
  readonly baselineFile: BaselineFile;
}

/**
 * VM snapshots, by their keys:
 *
 *     snapshots/KEY/snapshot.json   the record; its modification time is that of the last use
 *     snapshots/KEY/state           the state of the devices
 *     snapshots/KEY/memory          the memory, a sparse file
 *     snapshots/KEY/disk.qcow2      the root disk, if the guest had mounted it
 *     snapshots/KEY/usage.json      see `Usage`
 *     snapshots/KEY/baseline        see `Snapshot.baselineFile`; written later than the others
 *
 * A snapshot is published by one rename once it is on disk. The directory is a cache: a snapshot that does not match its
 * record is removed. Several processes may share it without locks, since an open file outlives its name.
 */
export class SnapshotStore implements AsyncDisposable {
  readonly #stateDirectory: string;
  readonly #directory: string;
  readonly #space: number;
  readonly #emit: Emit;
  readonly #digests = new ContentDigests();
  /** Snapshots that are being published. */
  readonly #publishing = new Map<string, Promise<void>>();
  /** Keys whose snapshot is being taken. */
  readonly #reserved = new Set<string>();
  /** Keys whose snapshot could not be taken or published. */
  readonly #failedKeys = new Set<string>();

  private constructor({ stateDirectory, space, emit }: SnapshotStoreOptions) {
    this.#stateDirectory = stateDirectory;
    this.#directory = join(stateDirectory, "snapshots");
    this.#space = space;
    this.#emit = emit;
  }

  /** Opens the directory, and removes snapshots that can never be resumed again or take too much space. */
  static async open(options: SnapshotStoreOptions): Promise<SnapshotStore> {
    const store = new SnapshotStore(options);
    await removeOldFormat(options.stateDirectory);
    for (const name of await store.#names()) {
      if (!(await readRecord(store.#pathOf(name)))) await store.#remove(name);
    }
    await store.#keepWithinSpace();
    return store;
  }

  /** How much disk space all snapshots may take, in bytes. */
  get space(): number {
    return this.#space;
  }

  get enabled(): boolean {
    return this.#space > 0;
  }

  /** The snapshot with that key, if there is one. */
  async find(key: SnapshotKey): Promise<Snapshot | undefined> {
    await this.#publishing.get(key.name);
    const directory = this.#pathOf(key.name);
    const record = await readRecord(directory);
    if (!record) return undefined;
    await using stack = new AsyncDisposableStack();
    try {
      if (!(await hasContents(directory, { record, key, digests: this.#digests }))) {
        await this.#remove(key.name);
        return undefined;
      }
      // QEMU opens the memory for writing, although it never writes to it.
      const memory = stack.use(await open(join(directory, snapshotFiles.memory), "r+"));
      const state = stack.use(await open(join(directory, snapshotFiles.state)));
      await recordUse(directory);
      const owned = stack.move();
      return {
        key,
        saved: { state: state.fd, memory: memory.fd },
        copyDisk: async (to) => await copyFile(join(directory, snapshotFiles.disk), to),
        baselineFile: baselineFileIn(directory),
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      };
    } catch (error) {
      // Another process has removed it in the meantime.
      if (errnoCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** True if the caller is to take the snapshot with that key; until it is released, no other caller in this process is. */
  reserve({ name, contents }: SnapshotKey): boolean {
    if (!this.enabled || this.#reserved.has(name) || this.#failedKeys.has(name)) return false;
    this.#reserved.add(name);
    // While the guest boots, the host has time for it.
    this.#digests.begin(contents);
    return true;
  }

  /** Ends a reservation, whether the snapshot was taken or not. */
  release({ name }: SnapshotKey): void {
    this.#reserved.delete(name);
  }

  /**
   * Has `write` save a VM in an empty directory. The snapshot is published in the background, while the VM continues;
   * that this fails is only logged.
   *
   * @throws what `write` throws. A snapshot that failed is not tried again.
   */
  async save(key: SnapshotKey, { costMs, write }: SaveRequest): Promise<void> {
    await using stack = new AsyncDisposableStack();
    // After a crash the next start removes it.
    const draft = stack.use(await createRunDirectory(this.#stateDirectory));
    const directory = join(draft.path, "snapshot");
    await mkdir(directory, { mode: 0o700 });
    this.#failedKeys.add(key.name);
    await write(directory);
    await startUsage(directory, costMs);
    const owned = stack.move();
    this.#publishing.set(key.name, this.#publish(key, { directory, owned }));
  }

  /** Removes a snapshot that could not be resumed. */
  async evict(key: SnapshotKey): Promise<void> {
    await this.#remove(key.name);
  }

  /** Waits until all snapshots are published. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#publishing.values());
    this.#digests[Symbol.dispose]();
  }

  /** Never rejects. */
  async #publish(
    key: SnapshotKey,
    { directory, owned }: { readonly directory: string; readonly owned: AsyncDisposable },
  ): Promise<void> {
    try {
      await using _ = owned;
      await this.#moveIntoPlace(key, directory);
      this.#failedKeys.delete(key.name);
    } catch (error) {
      this.#log(`the VM snapshot was not kept: ${errorMessage(error)}`);
    } finally {
      this.#publishing.delete(key.name);
    }
  }

  async #moveIntoPlace(key: SnapshotKey, directory: string): Promise<void> {
    const size = await spaceOf(directory);
    if (size > this.#space)
      throw new RangeError(`it takes ${mebibytes(size)}, more than the limit for all snapshots`);
    for (const name of await readdir(directory)) {
      await using file = await open(join(directory, name));
      await file.sync();
    }
    await writeRecord(directory, { key, digests: this.#digests });
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    try {
      await rename(directory, this.#pathOf(key.name));
    } catch (error) {
      // Another process has published the same snapshot.
      if (["ENOTEMPTY", "EEXIST"].includes(errnoCode(error) ?? "")) return;
      throw error;
    }
    this.#log(`kept a VM snapshot of ${mebibytes(size)}: ${key.name.slice(0, 12)} (${key.point})`);
    await this.#keepWithinSpace(key.name);
  }

  /** Removes the least useful snapshots until the rest fits. */
  async #keepWithinSpace(newest?: string): Promise<void> {
    const paths = (await this.#names()).map((name) => ({ name, path: this.#pathOf(name) }));
    for (const name of await leastUseful(paths, { space: this.#space, newest })) await this.#remove(name);
  }

  async #remove(name: string): Promise<void> {
    this.#log(`removing the VM snapshot ${name.slice(0, 12)}`);
    await rm(this.#pathOf(name), { recursive: true, force: true, maxRetries: 3 });
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }

  async #names(): Promise<readonly string[]> {
    return await readdir(this.#directory).catch((error: unknown) => {
      if (errnoCode(error) === "ENOENT") return [];
      throw error;
    });
  }

  #log(text: string): void {
    this.#emit({ type: "log", level: "debug", text });
  }
}

/** Removes snapshots of another QEMU, of layers that are gone, and incomplete ones. */
export async function pruneSnapshots(options: Omit<SnapshotStoreOptions, "space">): Promise<void> {
  checkOptions("pruneSnapshots", options, { stateDirectory: "string", emit: "function?" });
  await SnapshotStore.open({ ...options, space: Infinity });
}

/** Snapshots of older versions, which had another format, are in a directory of that name. */
async function removeOldFormat(stateDirectory: string): Promise<void> {
  await rm(join(stateDirectory, "templates"), { recursive: true, force: true });
}
