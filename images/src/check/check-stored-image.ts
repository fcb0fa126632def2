import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import {
  checkOptions,
  checkImageFiles,
  type ImageManifest,
  isStoreKey,
  ObError,
  storeLayout,
} from "@ob/core";
import { checkImageTools } from "../build/check-tools.ts";
import type { ImageTools } from "../build/build-image.ts";
import { checkImage } from "./check-image.ts";
import { readManifest } from "../recipe/provenance.ts";
import { imageNames } from "../build/list-images.ts";
import { findRecipe } from "../recipe/registry.ts";
import { noSuchImage } from "../build/remove-image.ts";
import { removeStale, temporaryPrefix } from "../build/staging.ts";

export interface CheckRequest {
  /** The name of an image of the store, or the path of a qcow2 file, with or without a manifest beside it. */
  readonly image: string;
  /** Describes an image that has no manifest. */
  readonly guestOs?: ImageManifest["guestOs"] | undefined;
  readonly guestArch?: ImageManifest["guestArch"] | undefined;
  readonly loginUser?: string | undefined;
  /** Path of the private key to log in with, instead of the manifest's. */
  readonly sshKey?: string | undefined;
}

/**
 * Checks an image as `checkImage` does. Nothing is modified.
 *
 * @throws ObError `BASE_IMAGE`, `USAGE`; errors of the boot.
 */
export async function checkStoredImage(request: CheckRequest, tools: ImageTools): Promise<void> {
  checkOptions("checkStoredImage", request, { image: "string", loginUser: "string?", sshKey: "string?" });
  checkImageTools("checkStoredImage", tools);
  const { store, startSmokeTest, onEvent = () => undefined, signal } = tools;
  const layout = storeLayout(store);
  const images = layout.baseImages;
  const disk = await findDisk(request.image, images);
  const manifestDirectory = dirname(disk);
  const name = basename(disk, ".qcow2");
  const found = await readManifest(manifestDirectory, name);
  if (found) await checkFiles(found.manifest, { manifestDirectory, store });
  const manifest = complete(found?.manifest, { request, name, manifestDirectory });
  const temporary = layout.imageChecks;
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  await removeStale(temporary);
  const scratch = await mkdtemp(join(temporary, temporaryPrefix()));
  try {
    const recipe =
      found?.record && found.record.folder === undefined ? findRecipe(found.record.name).recipe : undefined;
    await checkImage(
      { manifest, manifestDirectory, disk, ...recipe?.smokeTest },
      { startSmokeTest, scratch, strict: false, onEvent, signal },
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A manifest beside a file outside the store is not trusted. */
async function checkFiles(
  manifest: ImageManifest,
  { manifestDirectory, store }: { readonly manifestDirectory: string; readonly store: string },
): Promise<void> {
  await checkImageFiles(manifest, manifestDirectory);
  const { sshKey } = manifest;
  if (sshKey === undefined || !isStoreKey(sshKey)) return;
  const path = resolve(manifestDirectory, sshKey);
  const known = [storeLayout(store).sshKeys, resolve(manifestDirectory, "..", "state", "ssh")];
  if (known.includes(dirname(path))) return;
  throw new ObError(
    "BASE_IMAGE",
    `The image manifest in ${manifestDirectory} names the key ${path} of another store.`,
    {
      hint: "Name the key to log in with.",
      data: { option: "imageKey" },
    },
  );
}

async function findDisk(image: string, images: string): Promise<string> {
  const isFile = (file: string): Promise<boolean> =>
    stat(file).then(
      (found) => found.isFile(),
      () => false,
    );
  const named = join(images, `${image}.qcow2`);
  const names = await imageNames(images);
  if (names.includes(image)) return named;
  if (await isFile(image)) return resolve(image);
  throw noSuchImage(images, { name: image, names });
}

function complete(
  manifest: ImageManifest | undefined,
  {
    request,
    name,
    manifestDirectory,
  }: { readonly request: CheckRequest; readonly name: string; readonly manifestDirectory: string },
): ImageManifest {
  const { guestOs, guestArch, loginUser, sshKey } = request;
  const key = sshKey === undefined ? {} : { sshKey: relative(manifestDirectory, resolve(sshKey)) };
  return {
    version: 2,
    name,
    ...manifest,
    guestOs: guestOs ?? manifest?.guestOs ?? "linux",
    guestArch: guestArch ?? manifest?.guestArch ?? "amd64",
    loginUser: loginUser ?? manifest?.loginUser ?? "opam",
    ...key,
  };
}
