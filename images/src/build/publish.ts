import { chmod, copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type ImageManifest, parseImageManifest, sha256File, storeLayout } from "@ob/core";
import { replaceImage, syncPath } from "@ob/qcow2";
import type { Provenance } from "../recipe/provenance.ts";
import type { RecipeResult } from "../recipe/recipe.ts";
import { filesBeside } from "./files-beside.ts";

export interface PublishOptions {
  /** The manifest, except for what is derived from the files. */
  readonly manifest: ImageManifest & { readonly name: string };
  readonly record: Provenance | undefined;
  /** Absolute path of the login key that the image gets beside it; by default the manifest names the key. */
  readonly key?: string | undefined;
  /** Path of the store. */
  readonly store: string;
  readonly signal: AbortSignal | undefined;
}

type Move = readonly [from: string, to: string];

/**
 * Moves the files of an image to their final paths, disk and manifest last. The names of kernel, initrd and key contain a
 * digest of their contents, so the old manifest stays valid with the old files until it is replaced. Afterwards the old
 * files are removed.
 *
 * @param result files on the same file system as the store's images.
 * @throws ObError `BASE_IMAGE` for an invalid manifest.
 */
export async function publish(result: RecipeResult, options: PublishOptions): Promise<ImageManifest> {
  const { store, record, key: keyFile, signal } = options;
  const layout = storeLayout(store);
  const images = layout.baseImages;
  const { name } = options.manifest;
  const { directBoot } = result;
  const named = async (file: string, kind: string): Promise<string> =>
    `${name}.${(await sha256File(file, signal)).slice(0, 12)}.${kind}`;
  const kernel = directBoot && (await named(directBoot.kernel, "kernel"));
  const initrd = directBoot?.initrd && (await named(directBoot.initrd, "initrd"));
  const key = keyFile === undefined ? undefined : await named(keyFile, "key");
  const manifest: ImageManifest = {
    ...options.manifest,
    ...(key !== undefined && { sshKey: key }),
    sha256: await sha256File(result.disk, signal),
    ...(directBoot &&
      kernel !== undefined && {
        directBoot: { commandLine: directBoot.commandLine, kernel, ...(initrd && { initrd }) },
      }),
  };
  const manifestFile = `${result.disk}.json`;
  const text = { ...manifest, ...(record && { recipe: record }) };
  const json = JSON.stringify(text, undefined, 2);
  // Parsed before it is written, so that a manifest in the store can always be read.
  parseImageManifest(json, join(images, `${name}.json`));
  await writeFile(manifestFile, `${json}\n`);
  const moves: readonly Move[] = [
    ...(directBoot && kernel ? [[directBoot.kernel, kernel] as const] : []),
    ...(directBoot?.initrd && initrd ? [[directBoot.initrd, initrd] as const] : []),
    ...(keyFile !== undefined && key !== undefined ? [[keyFile, key] as const] : []),
  ];
  if (keyFile !== undefined) await chmod(keyFile, 0o600);
  for (const [from] of moves) await syncPath(from);
  for (const [from, to] of moves) await rename(from, join(images, to));
  // Before its manifest can appear, which `replaceImage` makes last.
  await syncPath(images);
  await replaceImage(layout, name, { disk: result.disk, manifest: manifestFile, signal });
  for (const file of await filesBeside(images, name)) {
    if (![kernel, initrd, key].includes(file)) await rm(join(images, file), { force: true });
  }
  return manifest;
}

/** Publishes the result's empty disk, if any, as the store's template for cache disks; replaces an existing one. */
export async function publishTemplate(result: RecipeResult, store: string): Promise<void> {
  if (!result.cacheTemplate) return;
  const { fileSystem, disk } = result.cacheTemplate;
  const directory = storeLayout(store).cacheTemplates;
  await mkdir(directory, { recursive: true });
  const partial = join(directory, `.${basename(disk)}.partial`);
  try {
    await copyFile(disk, partial);
    await syncPath(partial);
    await rename(partial, join(directory, `${fileSystem}.qcow2`));
    await syncPath(directory);
  } finally {
    await rm(partial, { force: true });
  }
}
