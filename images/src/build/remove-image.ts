import { access, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  checkArgument,
  baseLayerId,
  didYouMean,
  diskIn,
  exists,
  ObError,
  resultDirectory,
  storeLayout,
} from "@ob/core";
import { completeReplacements, lockImage, readQcowHeader, resolveBacking } from "@ob/qcow2";
import { directoryOf, readManifestLeniently } from "../recipe/provenance.ts";
import { filesBeside } from "./files-beside.ts";
import { imageNames } from "./list-images.ts";
import { removeStale } from "./staging.ts";

export interface RemovedImage {
  /** True if the store has a layer made from the image. That layer is kept, with every layer based on it. */
  readonly hasLayer: boolean;
}

/**
 * Removes an image from a store. Layers that were made from it have copies of what they need.
 *
 * @throws ObError `BASE_IMAGE` if there is no image of that name; `LAYER_BUSY` if the image file is the backing file
 *   of a layer made by the original OBuilder.
 */
export async function removeImage(store: string, name: string): Promise<RemovedImage> {
  checkArgument("removeImage: store", store, "string");
  checkArgument("removeImage: name", name, "string");
  const layout = storeLayout(store);
  const images = layout.baseImages;
  await removeStale(images, layout);
  await completeReplacements(layout);
  const names = await imageNames(images);
  // A removal that was killed leaves the manifest.
  const manifest = join(images, `${name}.json`);
  if (!names.includes(name) && !(isImageName(name) && (await exists(manifest))))
    throw noSuchImage(images, { name, names });
  using lock = await lockImage(layout, name, { mode: "exclusive" });
  void lock;
  const image = join(images, `${name}.qcow2`);
  const base = diskIn(resultDirectory(layout, baseLayerId(name)));
  const header = await readQcowHeader(base).catch(() => undefined);
  const { backing } = header ?? {};
  if (backing !== undefined && resolveBacking(base, backing) === image) {
    throw new ObError(
      "LAYER_BUSY",
      `The layer ${baseLayerId(name)} uses the file of ${name} as its backing file.`,
      {
        hint: `The original OBuilder made it. Build a spec from ${name} once, which gives the layer a copy, or delete the layer.`,
        data: { layer: baseLayerId(name) },
      },
    );
  }
  const files = await filesOf(images, { name, names });
  // The manifest last: until then it names the other files of the image.
  for (const file of [image, ...files, manifest]) await rm(file, { force: true });
  return { hasLayer: header !== undefined };
}

/** A name that has a path of its own below the directory of images. */
function isImageName(name: string): boolean {
  return !name.split("/").some((part) => part === "" || part === "." || part === "..");
}

export function noSuchImage(
  images: string,
  { name, names }: { readonly name: string; readonly names: readonly string[] },
): ObError {
  const all = names.length > 0 ? `There are: ${names.join(", ")}.` : "There is none at all.";
  return new ObError("BASE_IMAGE", `There is no image ${JSON.stringify(name)} in ${images}.`, {
    hint: didYouMean(name, names) ?? all,
    ...(names.length > 0 ? {} : { data: { noBaseImages: images } }),
  });
}

/** Kernel, initrd and key of an image, if they are in the same directory and no other image uses them. */
async function filesOf(
  images: string,
  { name, names }: { readonly name: string; readonly names: readonly string[] },
): Promise<readonly string[]> {
  const others = new Set<string>();
  for (const other of names.filter((one) => one !== name)) {
    for (const file of await named(images, other)) others.add(file);
  }
  const former = name.includes("/") ? [] : await filesBeside(images, name);
  const own = [...new Set([...(await named(images, name)), ...former.map((file) => join(images, file))])];
  const beside = own.filter((file) => dirname(file) === directoryOf(images, name) && !others.has(file));
  const there = await Promise.all(
    beside.map((file) =>
      access(file).then(
        () => [file],
        () => [],
      ),
    ),
  );
  return there.flat();
}

async function named(images: string, name: string): Promise<readonly string[]> {
  const found = await readManifestLeniently(images, name);
  const { directBoot, sshKey } = found?.manifest ?? {};
  return [directBoot?.kernel, directBoot?.initrd, sshKey]
    .filter((part) => part !== undefined)
    .map((part) => join(directoryOf(images, name), part));
}
