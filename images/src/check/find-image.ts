import { stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { checkImageFiles, type ImageManifest, isStoreKey, ObError, storeLayout } from "@ob/core";
import { completeReplacements } from "@ob/qcow2";
import { imageNames } from "../build/list-images.ts";
import { noSuchImage } from "../build/remove-image.ts";
import { type Provenance, readManifest } from "../recipe/provenance.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { findRecipe } from "../recipe/registry.ts";

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

/** An image to check. */
export interface FoundImage {
  /** As its manifest has it, or else as the request describes it. */
  readonly manifest: ImageManifest;
  /** Absolute path of the directory that the manifest's paths are relative to. */
  readonly manifestDirectory: string;
  /** Absolute path of the qcow2 file. */
  readonly disk: string;
  /** Undefined for an image that was not built from a recipe. */
  readonly record: Provenance | undefined;
  readonly hasManifest: boolean;
}

/** @throws ObError `BASE_IMAGE`, `USAGE`. */
export async function findImage(request: CheckRequest, store: string): Promise<FoundImage> {
  const layout = storeLayout(store);
  await completeReplacements(layout);
  const disk = await findDisk(request.image, layout.baseImages);
  const manifestDirectory = dirname(disk);
  const name = basename(disk, ".qcow2");
  const found = await readManifest(manifestDirectory, name);
  if (found) await checkFiles(found.manifest, { manifestDirectory, store });
  const manifest = complete(found?.manifest, { request, name, manifestDirectory });
  return { manifest, manifestDirectory, disk, record: found?.record, hasManifest: found !== undefined };
}

/** What the smoke test of an image from one of our recipes needs besides. */
export function smokeTestOf({ record }: FoundImage): Recipe["smokeTest"] {
  return record && record.folder === undefined ? findRecipe(record.name).recipe.smokeTest : undefined;
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
