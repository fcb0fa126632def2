import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Layer, type LayerId, layerId, type ObEvent, run, sha256 } from "@ob/core";
import { openStore, type QcowStore, type StoreOptions } from "./store.ts";

/** A store in a new directory, for one test. */
export interface TemporaryStore extends AsyncDisposable {
  readonly directory: string;
  readonly store: QcowStore;
  readonly events: readonly ObEvent[];
  /** The path of the base image with that name. */
  image(name: string): string;
}

export async function temporaryStore(
  options: Partial<StoreOptions> & { prepare?: (directory: string) => Promise<void> } = {},
): Promise<TemporaryStore> {
  const { prepare, ...storeOptions } = options;
  const directory = await mkdtemp(join(tmpdir(), "ob-store-"));
  const events: ObEvent[] = [];
  await prepare?.(directory);
  const store = await openStore({
    directory,
    create: true,
    emit: (event) => events.push(event),
    ...storeOptions,
  });
  return {
    directory,
    store,
    events,
    image: (name) => join(directory, "base-image", `${name}.qcow2`),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Creates a qcow2 disk whose first 64 KiB are filled with the byte `fill`. */
export async function makeImage(
  path: string,
  { size = "64M", fill = 1 }: { size?: string; fill?: number } = {},
): Promise<void> {
  await run(["qemu-img", "create", "-q", "-f", "qcow2", path, size]);
  await writePattern(path, { fill });
}

/** Fills 64 KiB of a disk with a byte. */
export async function writePattern(
  disk: string,
  { fill, offset = 0 }: { fill: number; offset?: number },
): Promise<void> {
  await run(["qemu-io", "-f", "qcow2", "-c", `write -P ${fill} ${offset} 64k`, disk]);
}

/** True if 64 KiB of a disk are filled with a byte. */
export async function hasPattern(
  disk: string,
  { fill, offset = 0 }: { fill: number; offset?: number },
): Promise<boolean> {
  const { stdout } = await run(["qemu-io", "-r", "-f", "qcow2", "-c", `read -P ${fill} ${offset} 64k`, disk]);
  return !stdout.includes("Pattern verification failed");
}

export function idOf(name: string): LayerId {
  return layerId(sha256(`layer ${name}`));
}

export async function importBase(store: QcowStore, name: string): Promise<Layer> {
  const { id } = await store.baseImage(name);
  await using writer = await store.tryBegin(id);
  if (!writer) throw new Error(`another caller makes ${id}`);
  await writer.importBase(name);
  return await writer.commit();
}

/** A layer that fills 64 KiB with a byte. */
export async function makeLayer(
  store: QcowStore,
  { id, parent, fill = 1, offset = 0 }: { id: LayerId; parent: LayerId; fill?: number; offset?: number },
): Promise<Layer> {
  await using writer = await store.tryBegin(id);
  if (!writer) throw new Error(`another caller makes ${id}`);
  await writePattern(await writer.createDisk(parent), { fill, offset });
  writer.appendLog(Buffer.from(`filled with ${fill}\n`));
  return await writer.commit();
}

/** The whole log of a layer, to its end. */
export async function logOf(store: QcowStore, id: LayerId): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.readLog(id)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
