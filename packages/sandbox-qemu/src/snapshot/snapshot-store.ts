import { copyFile, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { type Emit, messageOf, systemCode } from "@ob/core";
import { createRunDirectory } from "../vm/run-directory.ts";
import { snapshotFiles } from "./save.ts";
import type { SnapshotKey } from "./snapshot-key.ts";
import { baselineFileIn, type BaselineFile } from "./baseline-file.ts";
import { readRecord, recordName, writeRecord } from "./snapshot-record.ts";

export interface SnapshotStoreOptions {
  /** As `SandboxOptions`. */
  readonly stateDirectory: string;
  /** How much of the disk all templates may take, in bytes; 0 for none. */
  readonly space: number;
  readonly emit: Emit;
}

/** A saved machine, held open: it stays whole for whoever has it, even if somebody deletes it. */
export interface Snapshot extends AsyncDisposable {
  readonly key: SnapshotKey;
  /** Open descriptors, for QEMU to inherit. */
  readonly saved: { readonly state: number; readonly memory: number };
  /** Puts what the guest had written when it was saved in the place of a fresh disk. */
  copyDisk(to: string): Promise<void>;
  /** What was noted of a guest of this template once (`GoingOn.note`): it is the same for each, but for the clock. */
  readonly baseline: BaselineFile;
}

/**
 * Saved machines, by their keys:
 *
 *     templates/KEY/template.json   what it knows, and how its files must look; its time is that of the last use
 *     templates/KEY/state           the devices
 *     templates/KEY/memory          the memory, with holes
 *     templates/KEY/disk.qcow2      what the guest had written, for one that has a disk mounted
 *     templates/KEY/note            see `Template.note`; comes later than the others
 *
 * One appears by a rename when all of it is on the disk. It is a cache: whatever is not as it should be is thrown away.
 * Several processes may use one directory; nobody locks, since a file that is open outlives its name.
 */
export class SnapshotStore implements AsyncDisposable {
  readonly #stateDirectory: string;
  readonly #directory: string;
  readonly #space: number;
  readonly #emit: Emit;
  /** Those that are on their way to their places. */
  readonly #publishing = new Map<string, Promise<void>>();
  /** What is being saved now, and what could not be kept. */
  readonly #reserved = new Set<string>();
  readonly #failedKeys = new Set<string>();

  private constructor({ stateDirectory, space, emit }: SnapshotStoreOptions) {
    this.#stateDirectory = stateDirectory;
    this.#directory = join(stateDirectory, "templates");
    this.#space = space;
    this.#emit = emit;
  }

  /** Opens the directory, and removes from it what can never be resumed again and what is too much. */
  static async open(options: SnapshotStoreOptions): Promise<SnapshotStore> {
    const store = new SnapshotStore(options);
    for (const name of await store.#names()) {
      if (!(await readRecord(store.#pathOf(name)))) await store.#remove(name);
    }
    await store.#keepWithinSpace();
    return store;
  }

  get enabled(): boolean {
    return this.#space > 0;
  }

  /** The template of that key, if there is one. */
  async find(key: SnapshotKey): Promise<Snapshot | undefined> {
    await this.#publishing.get(key.name);
    const directory = this.#pathOf(key.name);
    if (!(await readRecord(directory))) return undefined;
    await using stack = new AsyncDisposableStack();
    try {
      // QEMU opens the memory for writing even where it never writes.
      const memory = stack.use(await open(join(directory, snapshotFiles.memory), "r+"));
      const state = stack.use(await open(join(directory, snapshotFiles.state)));
      const now = new Date();
      await utimes(join(directory, recordName), now, now);
      const held = stack.move();
      return {
        key,
        saved: { state: state.fd, memory: memory.fd },
        copyDisk: async (to) => await copyFile(join(directory, snapshotFiles.disk), to),
        baseline: baselineFileIn(directory),
        [Symbol.asyncDispose]: () => held.disposeAsync(),
      };
    } catch (error) {
      // Somebody else has removed it in between.
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** True if the caller is to save the machine of that key, and nobody else in this process until he gives it up. */
  reserve({ name }: SnapshotKey): boolean {
    if (!this.enabled || this.#reserved.has(name) || this.#failedKeys.has(name)) return false;
    this.#reserved.add(name);
    return true;
  }

  /** Ends a claim, whether the machine was saved or never came to the point. */
  release({ name }: SnapshotKey): void {
    this.#reserved.delete(name);
  }

  /**
   * Has `write` save the machine in an empty directory. What was written gets to its place afterwards, while the
   * machine goes on. If that fails it is no error.
   *
   * @throws what `write` throws. Whatever fails is not tried again.
   */
  async save(key: SnapshotKey, write: (directory: string) => Promise<void>): Promise<void> {
    await using stack = new AsyncDisposableStack();
    // A crash leaves it where the next start sweeps.
    const draft = stack.use(await createRunDirectory(this.#stateDirectory));
    const directory = join(draft.path, "template");
    await mkdir(directory, { mode: 0o700 });
    this.#failedKeys.add(key.name);
    await write(directory);
    const held = stack.move();
    const landed = this.#landAndForget(key, { directory, held });
    this.#publishing.set(key.name, landed);
  }

  /** Removes a template that did not work. */
  async evict(key: SnapshotKey): Promise<void> {
    await this.#remove(key.name);
  }

  /** Waits for what is on its way to its place. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#publishing.values());
  }

  async #landAndForget(
    key: SnapshotKey,
    { directory, held }: { readonly directory: string; readonly held: AsyncDisposable },
  ): Promise<void> {
    try {
      await using _ = held;
      await this.#land(key, directory);
      this.#failedKeys.delete(key.name);
    } catch (error) {
      this.#say(`no template was kept: ${messageOf(error)}`);
    } finally {
      this.#publishing.delete(key.name);
    }
  }

  async #land(key: SnapshotKey, directory: string): Promise<void> {
    const size = await spaceOf(directory);
    if (size > this.#space) throw new RangeError(`it takes ${mebibytes(size)}, more than all may`);
    for (const name of await readdir(directory)) {
      await using file = await open(join(directory, name));
      await file.sync();
    }
    await writeRecord(directory, key);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    try {
      await rename(directory, this.#pathOf(key.name));
    } catch (error) {
      // Another process has saved the same machine.
      if (["ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "")) return;
      throw error;
    }
    this.#say(`kept a template of ${mebibytes(size)}: ${key.name.slice(0, 12)} (${key.point})`);
    await this.#keepWithinSpace();
  }

  /** Least recently used first. */
  async #keepWithinSpace(): Promise<void> {
    const found = [];
    for (const name of await this.#names()) {
      const path = this.#pathOf(name);
      const used = await stat(join(path, recordName)).catch(() => undefined);
      found.push({ name, size: await spaceOf(path), time: used?.mtimeMs ?? 0 });
    }
    let total = found.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size } of found.toSorted((one, other) => one.time - other.time)) {
      if (total <= this.#space) return;
      await this.#remove(name);
      total -= size;
    }
  }

  async #remove(name: string): Promise<void> {
    this.#say(`removing the template ${name.slice(0, 12)}`);
    await rm(this.#pathOf(name), { recursive: true, force: true, maxRetries: 3 });
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }

  async #names(): Promise<readonly string[]> {
    return await readdir(this.#directory).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    });
  }

  #say(text: string): void {
    this.#emit({ type: "log", level: "debug", text });
  }
}

/** Removes the templates of layers that are gone, of another QEMU, and what was not written whole. */
export async function pruneSnapshots(options: Omit<SnapshotStoreOptions, "space">): Promise<void> {
  await SnapshotStore.open({ ...options, space: Infinity });
}

/** What the files of a directory take on the disk, in bytes; holes take nothing. */
async function spaceOf(directory: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(directory).catch(() => [])) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    total += (found?.blocks ?? 0) * 512;
  }
  return total;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
