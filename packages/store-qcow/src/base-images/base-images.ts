import { readdir } from "node:fs/promises";
import {
  type BaseImage,
  baseLayerId,
  didYouMean,
  exists,
  type LayerId,
  layerId,
  localFs,
  type StoreLayout,
  ObError,
  resultDirectory,
  sha256,
  sha256File,
  type StorePath,
  errnoCode,
  within,
} from "@ob/core";
import { readQcowHeader } from "@ob/qcow2";
import type { StoreContext } from "../context.ts";
import type { BaseImageRecord, ImageState } from "../db/database.ts";
import { layerOnDisk } from "../layers/layers.ts";
import { printAtom } from "../db/env-file.ts";

/**
 * The file of a base image.
 *
 * @throws ObError `BASE_IMAGE` if the name leads out of `base-image/`.
 */
export function baseImageFile(
  layout: StoreLayout,
  name: string,
  extension: "qcow2" | "json" = "qcow2",
): StorePath {
  const odd = name.split("/").some((part) => part === "" || part === "." || part === "..");
  if (odd || name.includes("\0")) {
    throw new ObError("BASE_IMAGE", `${JSON.stringify(name)} cannot be the name of a base image.`, {
      hint: `The name in \`(from NAME)\` is that of a file NAME.qcow2 in ${layout.baseImages}.`,
    });
  }
  return within(layout.baseImages, `${name}.${extension}`);
}

/** The state of a base image's file; undefined if there is no such file. */
export async function imageState(path: string): Promise<ImageState | undefined> {
  try {
    const found = await localFs.bigintStat(path);
    return { size: Number(found.size), mtimeNs: found.mtimeNs };
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

export function isSameState(a: ImageState, b: ImageState | undefined): boolean {
  return a.size === b?.size && a.mtimeNs === b.mtimeNs;
}

/** The layer id of an image that replaced another of the same name. */
export function idOfContents(name: string, contents: string): LayerId {
  return layerId(sha256(`((base ${printAtom(name)})(image ${contents}))`));
}

/**
 * The layer that a build from this image starts with. The image's state (size and time) is compared with the recorded
 * ones; its contents are read only if the state is new and the store has layers of an older image.
 */
export async function resolveBaseImage(context: StoreContext, name: string): Promise<BaseImage> {
  const { layout, database } = context;
  const file = baseImageFile(layout, name);
  const original = baseLayerId(name);
  const records = database.baseImages(name);
  const state = await imageState(file);
  if (state === undefined) {
    const id = (await newestOnDisk(layout, records)) ?? original;
    return { name, id, present: false, others: await baseImageNames(layout) };
  }
  const same = records.find((record) => isSameState(record, state));
  if (same) return { name, id: same.id, present: true };
  if (!(await layerOnDisk(layout, original))) return { name, id: original, present: true };
  if (!records.some(({ id }) => id === original)) {
    // The original, or a build before this image was replaced for the first time, made the layer from this file.
    database.recordBaseImage(name, { ...state, id: original, sha256: undefined });
    return { name, id: original, present: true };
  }
  const contents = await sha256File(file);
  const id = (await madeFrom(context, { records, contents })) ?? idOfContents(name, contents);
  if (isSameState(state, await imageState(file))) {
    database.recordBaseImage(name, { ...state, id, sha256: contents });
  }
  return { name, id, present: true };
}

async function newestOnDisk(
  layout: StoreLayout,
  records: readonly BaseImageRecord[],
): Promise<LayerId | undefined> {
  for (const { id } of records) {
    if (await layerOnDisk(layout, id)) return id;
  }
  return undefined;
}

/** The layer that was made from a file with these contents: a copied or touched file is not a new image. */
async function madeFrom(
  { layout }: StoreContext,
  { records, contents }: { records: readonly BaseImageRecord[]; contents: string },
): Promise<LayerId | undefined> {
  for (const id of new Set(records.map((record) => record.id))) {
    const recorded = records.find((record) => record.id === id && record.sha256 !== undefined);
    const digest = recorded?.sha256 ?? (await contentsOfLayer(layout, id));
    if (digest === contents) return id;
  }
  return undefined;
}

/** The sha256 of the base image's copy in a base layer, where there is one. Undefined if the layer is deleted meanwhile. */
async function contentsOfLayer(layout: StoreLayout, id: LayerId): Promise<string | undefined> {
  try {
    return await readContents(layout, id);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function readContents(layout: StoreLayout, id: LayerId): Promise<string | undefined> {
  const directory = resultDirectory(layout, id);
  const copy = within(directory, "rootfs", "base.qcow2");
  if (await exists(copy)) return await sha256File(copy);
  const layer = await layerOnDisk(layout, id);
  if (!layer || (await readQcowHeader(layer.disk))?.backing !== undefined) return undefined;
  return await sha256File(layer.disk);
}

/** The error for a missing base image. It suggests existing ones with near names. */
export async function noSuchBaseImage(layout: StoreLayout, name: string): Promise<ObError> {
  const names = await baseImageNames(layout);
  const all =
    names.length > 0
      ? `Available: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}.`
      : "There are no base images yet.";
  const hint = didYouMean(name, names) ?? all;
  return new ObError("BASE_IMAGE", `There is no base image ${baseImageFile(layout, name)}.`, {
    hint,
    data: names.length > 0 ? undefined : { noBaseImages: layout.baseImages },
  });
}

async function baseImageNames(layout: StoreLayout): Promise<readonly string[]> {
  try {
    const entries = await readdir(layout.baseImages, { recursive: true });
    return entries
      .filter((entry) => entry.endsWith(".qcow2"))
      .map((entry) => entry.slice(0, -".qcow2".length))
      .toSorted();
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  }
}
