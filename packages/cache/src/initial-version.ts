import { mkdir, rename } from "node:fs/promises";
import { isFile, type StoreLayout, type RunOptions, within } from "@ob/core";
import { copyDisk, readQcowHeader, syncPath } from "@ob/qcow2";
import { formatters, detectFileSystem } from "./file-system/detect.ts";
import { originalDisk, type CachePaths } from "./cache-paths.ts";
import { makeScratch } from "./scratch.ts";
import { publish } from "./versions.ts";

export interface InitialVersionOptions extends RunOptions {
  readonly layout: StoreLayout;
  /** Of a new disk, in bytes. */
  readonly size: number;
}

/**
 * Makes version 1 of a cache that has none: the original's disk if its file system is the right one, else an empty
 * disk from `cache-template/`, else one that the host formats. The edit lock must be held.
 *
 * @returns false if the host cannot create one; then the guest has to format a blank disk.
 */
export async function makeInitialVersion(
  place: CachePaths,
  options: InitialVersionOptions,
): Promise<boolean> {
  const { layout, size, ...running } = options;
  await mkdir(place.versions, { recursive: true, mode: 0o700 });
  const original = originalDisk(place);
  if ((await isFile(original)) && (await detectFileSystem(original, running)) === place.fileSystem) {
    await adopt(place, options);
    return true;
  }
  const template = await findTemplate(place, options);
  const format = formatters[place.fileSystem];
  if (template === undefined && !format) return false;
  await using scratch = await makeScratch(layout, place.directoryName);
  if (template !== undefined) await copyDisk(template, scratch.disk, running);
  else await format?.(scratch.disk, { size, ...running });
  await syncPath(scratch.disk);
  await publish(place, 1, scratch.disk);
  return true;
}

/** An empty disk in `cache-template/`, under this project's name or that of the original's Makefile. */
async function findTemplate(
  place: CachePaths,
  { layout, signal, emit }: InitialVersionOptions,
): Promise<string | undefined> {
  const { fileSystem } = place;
  for (const name of [`${fileSystem}.qcow2`, `cache-${fileSystem}.qcow2`]) {
    const template = within(layout.cacheTemplates, name);
    if (!(await isFile(template))) continue;
    if ((await detectFileSystem(template, { signal, emit })) === fileSystem) return template;
    const text = `${template} is ignored: its first partition does not have ${fileSystem}`;
    emit?.({ type: "log", level: "warning", text });
  }
  return undefined;
}

/** The disk becomes version 1, without a copy unless it has a backing file. */
async function adopt(place: CachePaths, { layout, ...running }: InitialVersionOptions): Promise<void> {
  const original = originalDisk(place);
  const header = await readQcowHeader(original);
  if (header?.backing === undefined) {
    await publish(place, 1, original);
    return;
  }
  await using scratch = await makeScratch(layout, place.directoryName);
  await copyDisk(original, scratch.disk, running);
  await publish(place, 1, scratch.disk);
  await rename(original, `${original}.taken-over`);
}
