import { join } from "node:path";
import {
  checkOptions,
  exists,
  imageFile,
  type ImageManifest,
  isStoreKey,
  makeTreesPrivate,
  ObError,
  parseImageManifest,
  quotedName,
  storeLayout,
  withStoreErrors,
} from "@ob/core";
import { completeReplacements, findDamage, inspectQcow2 } from "@ob/qcow2";
import { confineReader } from "@ob/qemu";
import { directoryOf, isComplete, readManifest, readManifestLeniently } from "../recipe/provenance.ts";
import { checkName, prepareStore } from "./build-image.ts";
import { publish } from "./publish.ts";
import { makeStaging } from "./staging.ts";

/** An image of a store, for another store. */
export interface SharedImage {
  /** Absolute path of the qcow2 file. */
  readonly disk: string;
  /** The manifest as another store can read it: all files that it names are in `files`. */
  readonly manifest: ImageManifest;
  /** Absolute paths of the files that the manifest names, by their names there. */
  readonly files: Readonly<Record<string, string>>;
  /** True if the login key among the files is the store's own, which opens all guests of images that were built here. */
  readonly hasStoreKey: boolean;
}

/**
 * Reads an image of a store.
 *
 * @throws ObError `BASE_IMAGE` if there is no such image, or it has no manifest.
 */
export async function readSharedImage(store: string, given: string): Promise<SharedImage> {
  const name = checkName(given);
  const layout = storeLayout(store);
  const images = layout.baseImages;
  const found = await withStoreErrors(`read the image ${name}`, async () => {
    await completeReplacements(layout);
    return await readManifest(images, name);
  });
  const disk = join(images, `${name}.qcow2`);
  if (!found) {
    throw new ObError("BASE_IMAGE", `The store has no image ${name} with a manifest.`, {
      hint: "`image import` adds a disk with one.",
    });
  }
  const directory = directoryOf(images, name);
  const { sshKey, directBoot } = found.manifest;
  const hasStoreKey = sshKey !== undefined && isStoreKey(sshKey);
  // Elsewhere it gets a name of its own, too.
  const key = sshKey === undefined ? undefined : `${name}.key`;
  const files: Record<string, string> = {};
  if (key !== undefined && sshKey !== undefined) {
    files[key] = hasStoreKey ? join(directory, sshKey) : await imageFile(directory, sshKey);
  }
  for (const part of [directBoot?.kernel, directBoot?.initrd]) {
    if (part !== undefined) files[part] = await imageFile(directory, part);
  }
  const manifest = { ...found.manifest, name, ...(key !== undefined && { sshKey: key }) };
  return { disk, manifest, files, hasStoreKey };
}

/** The sha256 of an image's disk, as its manifest says; undefined if there is no such image, or it does not say. */
export async function imageDigest(store: string, name: string): Promise<string | undefined> {
  const layout = storeLayout(store);
  await completeReplacements(layout);
  const images = layout.baseImages;
  const found = await readManifestLeniently(images, checkName(name));
  return found && (await isComplete(images, name, found.manifest)) ? found.manifest.sha256 : undefined;
}

/** Where the files of an image from elsewhere are to be written. */
export interface ImageTarget {
  /** Absolute path. */
  readonly disk: string;
  /** The absolute path of a file that the manifest names. */
  readonly file: (name: string) => string;
}

export interface AddImageRequest {
  /** The image's name; by default the one in its manifest. */
  readonly name?: string | undefined;
  /** What the caller has asked for: without `name`, only an image of this name is replaced, whatever the manifest says. */
  readonly asked?: string | undefined;
  /** Writes the files. @returns the text of the manifest. */
  readonly fetch: (target: ImageTarget) => Promise<string>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Adds an image from elsewhere to a store, or replaces the one of its name. Nothing is believed of it: its disk names no other
 * file, and its manifest none outside of itself.
 *
 * @throws ObError `BASE_IMAGE` if it is refused; what `fetch` throws.
 */
export async function addSharedImage(store: string, request: AddImageRequest): Promise<ImageManifest> {
  checkOptions("addSharedImage", request, { name: "string?", asked: "string?", fetch: "function" });
  const { fetch, signal } = request;
  const layout = storeLayout(store);
  const images = layout.baseImages;
  await prepareStore(store, { images, signal });
  return await withStoreErrors("add an image", async () => {
    await using staging = await makeStaging(images, layout);
    const directory = staging.path;
    try {
      const disk = join(directory, "disk.qcow2");
      const names = new Map<string, string>();
      const file = (named: string): string => {
        const path = names.get(named) ?? join(directory, `file-${names.size}`);
        names.set(named, path);
        return path;
      };
      const text = await fetch({ disk, file });
      const manifest = parseImageManifest(text, "of the image");
      const name = checkName(request.name ?? manifest.name ?? "");
      if (request.name === undefined && request.asked !== name)
        await refuseOther(store, { ...manifest, name });
      await refuseDamaged(disk, signal);
      return await install({ disk, manifest: { ...manifest, name }, files: names }, { store, signal });
    } finally {
      await makeTreesPrivate([images]);
    }
  });
}

/** An image must not take the name of one that nobody has asked it to replace: builds start from that. */
async function refuseOther(store: string, { name, sha256 }: FetchedImage["manifest"]): Promise<void> {
  if (!(await exists(join(storeLayout(store).baseImages, `${name}.qcow2`)))) return;
  if (sha256 !== undefined && (await imageDigest(store, name)) === sha256) return;
  throw new ObError(
    "BASE_IMAGE",
    `The image is named ${quotedName(name)}, and the store has another one of that name.`,
    {
      hint: "Name the image that is to be added: that one, if it is to be replaced, or another one.",
    },
  );
}

async function refuseDamaged(disk: string, signal: AbortSignal | undefined): Promise<void> {
  const found = await inspectQcow2(disk);
  const damage = found
    ? await findDamage(disk, { confine: confineReader, signal })
    : "It is not a qcow2 file.";
  if (damage !== undefined) throw new ObError("BASE_IMAGE", `The disk of the image is refused.\n${damage}`);
}

interface FetchedImage {
  readonly disk: string;
  readonly manifest: ImageManifest & { readonly name: string };
  readonly files: ReadonlyMap<string, string>;
}

async function install(
  { disk, manifest, files }: FetchedImage,
  { store, signal }: { readonly store: string; readonly signal: AbortSignal | undefined },
): Promise<ImageManifest> {
  const { sshKey, directBoot, virtualSize } = manifest;
  const at = (named: string): string => {
    const path = files.get(named);
    if (path !== undefined) return path;
    throw new ObError("BASE_IMAGE", `The image lacks ${JSON.stringify(named)}, which its manifest names.`);
  };
  const boot = directBoot && {
    kernel: at(directBoot.kernel),
    ...(directBoot.initrd !== undefined && { initrd: at(directBoot.initrd) }),
    commandLine: directBoot.commandLine,
  };
  const result = { disk, virtualSize: virtualSize ?? 0, ...(boot && { directBoot: boot }) };
  const key = sshKey === undefined ? undefined : at(sshKey);
  return await publish(result, { manifest, key, store, record: undefined, signal });
}
