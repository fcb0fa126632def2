import { chmod, copyFile, lstat, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import {
  baseLayerId,
  diskIn,
  imageFile,
  type ImageManifest,
  isStoreKey,
  type LayerId,
  type StoreLayout,
  ObError,
  parseImageManifest,
  readImageText,
  sha256File,
  type StorePath,
  errnoCode,
  within,
} from "@ob/core";
import { copyDisk, findDamage, inspectQcow2, lockImage } from "@ob/qcow2";
import { baseImageFile, imageState, noSuchBaseImage, resolveBaseImage, isSameState } from "./base-images.ts";
import type { StoreContext } from "../context.ts";
import type { BaseImageRecord } from "../db/database.ts";
import { printEnvironment } from "../db/env-file.ts";

export interface ImportOptions {
  /** The layer that is being made. */
  readonly id: LayerId;
  /** Its directory in `result-tmp`, which has a `rootfs`. */
  readonly directory: StorePath;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a base layer of `base-image/NAME.qcow2`: a copy of the disk, of its manifest and of the files that the manifest
 * names, so that the layer does not depend on the image.
 *
 * @returns the record of the image, for the database once the layer is committed.
 * @throws ObError `BASE_IMAGE`.
 */
export async function importBaseImage(
  context: StoreContext,
  name: string,
  { id, directory, signal }: ImportOptions,
): Promise<BaseImageRecord> {
  const { layout, emit } = context;
  const file = baseImageFile(layout, name);
  // Disk and manifest are those of one image.
  using lock = await lockImage(layout, name, { mode: "shared", signal });
  void lock;
  const state = await imageState(file);
  if (state === undefined) throw await missing(context, name);
  await refuseInvalid(context, file, signal);
  if ((await resolveBaseImage(context, name)).id !== id) throw replaced(file);
  if (id !== baseLayerId(name)) {
    const text = `Base image ${JSON.stringify(name)} was replaced; older layers keep the old one.`;
    emit({ type: "note", text });
  }
  const exact = await copyDisk(file, diskIn(directory), { signal, emit });
  const sha256 = exact ? undefined : await sha256File(file, signal);
  if (!isSameState(state, await imageState(file))) throw replaced(file);
  // Only this process writes to the copy: it stays certain that it names no other file.
  if (!(await inspectQcow2(diskIn(directory)))) throw replaced(file);
  await writeFile(within(directory, "env"), `${printEnvironment([])}\n`);
  await importManifest(baseImageFile(layout, name, "json"), { directory, layout });
  return { ...state, id, sha256 };
}

async function missing({ layout }: StoreContext, name: string): Promise<ObError> {
  const file = baseImageFile(layout, name);
  const isLink = await lstat(file).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  if (!isLink) return await noSuchBaseImage(layout, name);
  return new ObError("BASE_IMAGE", `${file} is a symbolic link to a file that is not there.`, {
    hint: "Put the image back where the link points, or replace the link by the image.",
  });
}

async function refuseInvalid(
  { confine, emit }: StoreContext,
  file: StorePath,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Before QEMU opens it: that would open the files that it names, too.
  if (!(await inspectQcow2(file))) {
    throw new ObError("BASE_IMAGE", `The base image ${file} is not a qcow2 file.`, {
      hint: "Convert it: qemu-img convert -O qcow2 OLD NEW.qcow2",
      data: { notQcow2: file },
    });
  }
  const damage = await findDamage(file, { confine, signal, emit });
  if (damage === undefined) return;
  if (/Failed to get .* lock/.test(damage)) {
    throw new ObError("BASE_IMAGE", `The base image ${file} is being written to.\n${damage}`, {
      hint: "Stop the virtual machine that has it open, and build again.",
    });
  }
  throw new ObError("BASE_IMAGE", `The base image ${file} is damaged.\n${damage}`, {
    hint: "It may have been copied only in part: copy or make it again.",
  });
}

function replaced(file: StorePath): ObError {
  return new ObError("BASE_IMAGE", `The base image ${file} was replaced while the build began.`, {
    hint: "Build again, once the new image is complete.",
  });
}

interface LayerPlace {
  /** Of the layer. */
  readonly directory: StorePath;
  readonly layout: StoreLayout;
}

/** Copies a manifest into the layer, with the files beside it; the store's own key stays where it is. */
async function importManifest(file: StorePath, place: LayerPlace): Promise<void> {
  const { directory } = place;
  const text = await readImageText(file);
  if (text === undefined) return;
  const manifest = parseImageManifest(text, file);
  const moved: ImageManifest = {
    ...manifest,
    ...(manifest.sshKey !== undefined && { sshKey: await importKey(file, manifest.sshKey, place) }),
    ...(manifest.directBoot && {
      directBoot: {
        ...manifest.directBoot,
        kernel: await importFile(file, manifest.directBoot.kernel, within(directory, "kernel")),
        ...(manifest.directBoot.initrd !== undefined && {
          initrd: await importFile(file, manifest.directBoot.initrd, within(directory, "initrd")),
        }),
      },
    }),
  };
  await writeFile(within(directory, "manifest.json"), `${JSON.stringify(moved, undefined, 2)}\n`);
}

/** A key beside the image is copied. The path to the store's own is changed to start at the layer. */
async function importKey(manifest: string, key: string, { directory, layout }: LayerPlace): Promise<string> {
  if (!isStoreKey(key)) return await importFile(manifest, key, within(directory, "ssh-key"));
  const path = resolve(dirname(manifest), key);
  if (dirname(path) === layout.sshKeys) return relative(directory, path);
  throw new ObError("BASE_IMAGE", `${manifest} names the key ${path}, which is not this store's.`, {
    hint: `The store's own key is in ${layout.sshKeys}; any other has to be beside the manifest.`,
  });
}

async function importFile(manifest: string, named: string, target: StorePath): Promise<string> {
  try {
    await copyFile(await imageFile(dirname(manifest), named), target);
    await chmod(target, 0o600);
  } catch (cause) {
    if (errnoCode(cause) !== "ENOENT") throw cause;
    throw new ObError("BASE_IMAGE", `${manifest} names ${named}, which is not there.`, {
      cause,
      hint: "Make the image again, or take the entry out of its manifest.",
    });
  }
  return relative(dirname(target), target);
}
