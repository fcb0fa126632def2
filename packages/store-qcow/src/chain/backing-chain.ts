import { realpathSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, isAbsolute, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  layerBackingPath,
  cancelledError,
  diskIn,
  exists,
  isObError,
  type LayerId,
  layerLock,
  type StoreLayout,
  ObError,
  resultDirectory,
  within,
} from "@ob/core";
import {
  copyDisk,
  inspectQcow2,
  type QcowHeader,
  readQcowHeader,
  renameBacking,
  resolveBacking,
  tryLock,
} from "@ob/qcow2";
import { baseImageFile, imageState, isSameState } from "../base-images/base-images.ts";
import type { StoreContext } from "../context.ts";
import { layerInPath } from "../layers/layers.ts";

/** The backing chain of a layer's disk. */
export interface Chain {
  /** Of the layer's disk, in bytes. */
  readonly virtualSize: number;
  /** Absolute paths, the disk itself first. */
  readonly files: readonly string[];
}

/**
 * Follows the backing chain of a layer's disk to its end.
 *
 * @throws ObError `STORE` if a file is missing or is outside of the store.
 */
export async function readChain({ layout }: StoreContext, id: LayerId): Promise<Chain> {
  return await walkChain(layout, id, async (file, backing) => {
    const path = resolveBacking(file, backing);
    if (!(await exists(path))) throw missing(id, { path, file });
    // A path that could not be repaired may belong to a layer that this store has, too.
    const repair = isAbsolute(backing) ? await planRepair(layout, path) : undefined;
    if (!repair) refuseOutside(layout, { id, path, file });
    return path;
  });
}

/**
 * Repairs what the original leaves in a backing chain: absolute paths of a store that has been moved or copied, and base
 * layers whose backing file is `base-image/NAME.qcow2` itself.
 *
 * @throws ObError `STORE` if a file is missing and cannot be found, or is outside of the store; `BASE_IMAGE` if the base
 *   image under the original's layer cannot be used.
 */
export async function repairChain(context: StoreContext, id: LayerId, signal?: AbortSignal): Promise<void> {
  await walkChain(context.layout, id, (file) => repairedBacking(context, { id, file, signal }));
}

async function walkChain(
  layout: StoreLayout,
  id: LayerId,
  next: (file: string, backing: string) => Promise<string>,
): Promise<Chain> {
  const files: string[] = [];
  let virtualSize: number | undefined;
  for (let file = String(diskIn(resultDirectory(layout, id))); ;) {
    if (files.includes(file)) throw broken(id, `${file} is its own backing file`);
    files.push(file);
    const header = await readLayerHeader(file, id);
    virtualSize ??= header.virtualSize;
    if (header.externalData) throw broken(id, `${file} has its data in another file`);
    if (header.backing === undefined) return { virtualSize, files };
    // QEMU interprets such a name as a protocol, even if there is a file of that name.
    if (/^[^/]*:/.test(header.backing)) throw outside(id, { path: header.backing, file });
    file = await next(file, header.backing);
  }
}

interface Link {
  /** The layer that is wanted, for messages. */
  readonly id: LayerId;
  /** A file of its chain. */
  readonly file: string;
  readonly signal: AbortSignal | undefined;
}

/** The backing file of `link.file`, after a repair of the header if it needs one. */
async function repairedBacking(context: StoreContext, link: Link): Promise<string> {
  const { file, id, signal } = link;
  for (;;) {
    const { backing } = await readLayerHeader(file, id);
    if (backing === undefined) throw broken(id, `${file} lost its backing file`);
    const path = resolveBacking(file, backing);
    const stands = await exists(path);
    const repair = isAbsolute(backing) ? await planRepair(context.layout, path) : undefined;
    if (!repair) {
      if (!stands) throw missing(id, { path, file });
      refuseOutside(context.layout, { id, path, file });
      return path;
    }
    const owner = layerInPath(file);
    if (owner === undefined || file !== diskIn(resultDirectory(context.layout, owner))) return path;
    const repaired = await repairUnderLock(context, { link, owner, repair, needed: !stands });
    if (repaired) continue;
    if (stands) return path;
    // Another process is repairing it, or uses the layer without the missing file: retry soon.
    await delay(20, undefined, signal && { signal }).catch(() => {
      throw cancelledError(signal);
    });
  }
}

/** The replacement of an absolute backing path. */
type Repair =
  /** The same layer of this store: the store was moved, or copied. */
  | { readonly kind: "layer"; readonly parent: LayerId }
  /** A copy of the base image inside the layer: the image itself can be replaced at any time. */
  | { readonly kind: "base"; readonly source: string; readonly name: string };

async function planRepair(layout: StoreLayout, path: string): Promise<Repair | undefined> {
  const parent = layerInPath(path);
  if (parent !== undefined) {
    const ours = diskIn(resultDirectory(layout, parent));
    return (await exists(ours)) && !(await isSameFile(ours, path)) ? { kind: "layer", parent } : undefined;
  }
  const [, name] = /\/base-image\/(.+)\.qcow2$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  const ours = baseImageFile(layout, name);
  return (await exists(ours)) ? { kind: "base", source: ours, name } : undefined;
}

/** A backing chain may only have files of the store, whatever the headers say. */
function refuseOutside(layout: StoreLayout, link: { id: LayerId; path: string; file: string }): void {
  // The usual case needs no look at the file system.
  const owner = layerInPath(link.path);
  if (owner !== undefined && link.path === diskIn(resultDirectory(layout, owner))) return;
  const directory = realpathSync(dirname(link.path));
  const isInside = [layout.results, layout.baseImages].some((ours) => {
    const way = relative(realpathSync(ours), directory);
    return way !== ".." && !way.startsWith("../");
  });
  if (!isInside) throw outside(link.id, link);
}

/**
 * Rewrites the header while the layer is locked exclusively. That is safe: the file of the new name has the contents of
 * the old one, and QEMU refuses to change a file that a virtual machine has open.
 *
 * @returns false if that cannot be done now; then an existing old path is used this time.
 */
async function repairUnderLock(
  context: StoreContext,
  { link, owner, repair, needed }: { link: Link; owner: LayerId; repair: Repair; needed: boolean },
): Promise<boolean> {
  const { layout, emit } = context;
  using lock = await tryLock(layerLock(layout, owner), "exclusive");
  if (!lock) return false;
  const options = { signal: link.signal, emit };
  try {
    if (repair.kind === "layer") {
      await renameBacking(link.file, { ...options, backing: layerBackingPath(repair.parent) });
    } else {
      await refuseChanged(context, { owner, repair });
      if (!(await inspectQcow2(repair.source))) throw broken(owner, `${repair.source} is not a qcow2 file`);
      await copyDisk(repair.source, within(resultDirectory(layout, owner), "rootfs", "base.qcow2"), options);
      await renameBacking(link.file, { ...options, backing: "base.qcow2" });
    }
    return true;
  } catch (error) {
    if (!isObError(error, "TOOL_FAILED")) throw error;
    if (/Failed to get .* lock/.test(error.message)) return false;
    if (needed) throw error;
    // The original makes base layers with sudo: then they cannot be changed, and are used as they are.
    const text = `Layer ${owner} still depends on ${repair.kind === "base" ? repair.source : "another store"}: ${error.message}`;
    emit({ type: "log", level: "warning", text });
    return false;
  }
}

/** Refuses a base image that was changed after layers were made on it. */
async function refuseChanged(
  { database }: StoreContext,
  { owner, repair }: { owner: LayerId; repair: Repair & { kind: "base" } },
): Promise<void> {
  const state = await imageState(repair.source);
  const records = database.baseImages(repair.name).filter(({ id }) => id === owner);
  if (records.length === 0 || records.some((record) => isSameState(record, state))) return;
  throw new ObError(
    "STORE",
    `Layer ${owner} depends on ${repair.source}, which was changed after the layer was made.`,
    { hint: "Neither the layer nor its dependents can be trusted: delete them.", data: { layer: owner } },
  );
}

async function readLayerHeader(file: string, id: LayerId): Promise<QcowHeader> {
  const header = await readQcowHeader(file);
  if (!header) throw broken(id, `${file} is not a qcow2 file`);
  return header;
}

function missing(id: LayerId, { path, file }: { path: string; file: string }): ObError {
  return broken(id, `${path}, the backing file of ${file}, is missing`);
}

function outside(id: LayerId, { path, file }: { path: string; file: string }): ObError {
  return new ObError(
    "STORE",
    `The disk of layer ${id} cannot be used: its file ${file} depends on ${JSON.stringify(path)}, outside of the store.`,
    { hint: "Delete the layer and build it again.", data: { layer: id } },
  );
}

function broken(id: LayerId, why: string): ObError {
  return new ObError("STORE", `The disk of layer ${id} cannot be used: ${why}.`, {
    hint: "Put the file back, or delete the layer and build it again.",
    data: { layer: id },
  });
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  if (!(await exists(b))) return false;
  const [x, y] = await Promise.all([stat(a, { bigint: true }), stat(b, { bigint: true })]);
  return x.dev === y.dev && x.ino === y.ino;
}
