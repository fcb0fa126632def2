import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { checkArgument, type GuestArch, type GuestOs, storeLayout, errnoCode } from "@ob/core";
import { completeReplacements } from "@ob/qcow2";
import {
  directoryOf,
  isComplete,
  readManifestLeniently,
  recipeDigest,
  type RecordedManifest,
} from "../recipe/provenance.ts";
import { matchRecipe, recipeNames, recipes } from "../recipe/registry.ts";
import { storeKey } from "./store-key.ts";

/**
 * The state of an image: `current`, up to date with its recipe; `outdated`, the recipe has changed since; `custom`,
 * built by a user's recipe or imported; `incomplete`, a file that its manifest names is missing; `no-manifest`;
 * `not-built`, a recipe exists, but the store has no image of it.
 */
export type ImageState = "current" | "outdated" | "custom" | "incomplete" | "no-manifest" | "not-built";

export interface ListedImage {
  readonly name: string;
  readonly state: ImageState;
  /** Undefined for an image without a manifest. */
  readonly guest: { readonly os: GuestOs; readonly arch: GuestArch } | undefined;
  /** Disk space on the host in bytes; undefined if the image is not in the store. */
  readonly bytes: number | undefined;
  readonly made: Date | undefined;
  /** The recipe's summary. */
  readonly summary: string | undefined;
}

/** The images of a store, then those that can be built; each group is sorted by name. A missing store has none. */
export async function listImages(store: string): Promise<readonly ListedImage[]> {
  checkArgument("listImages: store", store, "string");
  const layout = storeLayout(store);
  await completeReplacements(layout);
  const images = layout.baseImages;
  const names = await imageNames(images);
  const there = await Promise.all(names.map((name) => describe(store, { images, name })));
  const missing = recipeNames().filter((name) => !names.includes(name));
  return [...there, ...missing.map(available)];
}

/** The names of the images in `base-image`, sorted. */
export async function imageNames(images: string): Promise<readonly string[]> {
  try {
    const files = await readdir(images, { recursive: true });
    return files
      .filter((file) => file.endsWith(".qcow2") && !file.startsWith("."))
      .map((file) => file.slice(0, -".qcow2".length))
      .toSorted();
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  }
}

function available(name: string): ListedImage {
  const recipe = matchRecipe(name)?.recipe;
  const guest = recipe && { os: recipe.guestOs, arch: recipe.guestArch };
  const summary = recipe?.summary;
  return { name, state: "not-built", guest, bytes: undefined, made: undefined, summary };
}

async function describe(
  store: string,
  { images, name }: { readonly images: string; readonly name: string },
): Promise<ListedImage> {
  const file = await stat(join(images, `${name}.qcow2`));
  const found = await readManifestLeniently(images, name);
  const guest = found && { os: found.manifest.guestOs, arch: found.manifest.guestArch };
  const { record } = found ?? {};
  return {
    ...{ name, guest, state: await stateOf(store, { images, name, found }) },
    bytes: file.blocks * 512 + (await bytesBeside(directoryOf(images, name), found)),
    made: record === undefined ? file.mtime : new Date(record.made),
    summary: recipes.find((recipe) => recipe.name === record?.name)?.summary,
  };
}

/** The disk space of kernel and initrd, in bytes. */
async function bytesBeside(directory: string, found: RecordedManifest | undefined): Promise<number> {
  const { directBoot } = found?.manifest ?? {};
  let bytes = 0;
  for (const part of [directBoot?.kernel, directBoot?.initrd]) {
    if (part === undefined) continue;
    bytes += await stat(join(directory, part)).then(
      ({ blocks }) => blocks * 512,
      () => 0,
    );
  }
  return bytes;
}

async function stateOf(
  store: string,
  {
    images,
    name,
    found,
  }: { readonly images: string; readonly name: string; readonly found: RecordedManifest | undefined },
): Promise<ImageState> {
  if (!found) return "no-manifest";
  if (!(await isComplete(images, name, found.manifest))) return "incomplete";
  const { record } = found;
  // A user's recipe is code; listing a store runs none of it.
  const recipe = record?.folder === undefined && recipes.find((one) => one.name === record?.name);
  if (!recipe || !record) return "custom";
  const { publicKey } = await storeKey(store);
  const digest = await recipeDigest(recipe, record.parameters, publicKey).catch(() => undefined);
  return digest === record.digest ? "current" : "outdated";
}
