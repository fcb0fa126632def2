import { constants } from "node:fs";
import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { disposableWith, type ImageManifest, makePrivateDirectory, storeLayout } from "@ob/core";
import { makeStaging } from "../build/staging.ts";
import type { FoundImage } from "../check/find-image.ts";

/** A store that has one image, and a directory for sources beside it. Disposing removes both. */
export interface ThrowAwayStore extends AsyncDisposable {
  /** Absolute. */
  readonly directory: string;
  readonly sources: string;
  /** An empty directory for other files. */
  readonly scratch: string;
  /** The image's manifest in this store, and the directory that its paths start from. */
  readonly manifest: ImageManifest;
  readonly manifestDirectory: string;
}

/** The name of the image in the store. */
export const checkedImage = "image";

/**
 * Makes a store within another one, in the directory of its image checks: what a crash leaves there is removed by the next
 * check. The image's disk is linked, and the files that its manifest names are copied, because a store accepts no others.
 *
 * @param store absolute path of the store that it is made in; created if missing.
 */
export async function throwAwayStore(store: string, image: FoundImage): Promise<ThrowAwayStore> {
  await makePrivateDirectory(store);
  const around = storeLayout(store);
  await using stack = new AsyncDisposableStack();
  const { path: root } = stack.use(await makeStaging(around.imageChecks, around));
  const directory = join(root, "store");
  const [sources, scratch] = [join(root, "sources"), join(root, "scratch")];
  const layout = storeLayout(directory);
  await mkdir(layout.baseImages, { recursive: true, mode: 0o700 });
  await mkdir(layout.sshKeys, { recursive: true, mode: 0o700 });
  await Promise.all([mkdir(sources), mkdir(scratch)]);
  await symlink(image.disk, join(layout.baseImages, `${checkedImage}.qcow2`));
  const manifest = await takeFiles(image, { images: layout.baseImages, keys: layout.sshKeys });
  await writeFile(join(layout.baseImages, `${checkedImage}.json`), JSON.stringify(manifest));
  return disposableWith(
    { directory, sources, scratch, manifest, manifestDirectory: layout.baseImages },
    stack,
  );
}

async function takeFiles(
  { manifest, manifestDirectory }: FoundImage,
  { images, keys }: { readonly images: string; readonly keys: string },
): Promise<ImageManifest> {
  const { directBoot, sshKey, ...others } = manifest;
  const take = async (named: string, directory: string, name: string): Promise<string> => {
    const target = join(directory, name);
    await copyFile(resolve(manifestDirectory, named), target, constants.COPYFILE_FICLONE);
    await chmod(target, 0o600);
    return name;
  };
  return {
    ...others,
    name: checkedImage,
    ...(sshKey !== undefined && { sshKey: `../state/ssh/${await take(sshKey, keys, "image-key")}` }),
    ...(directBoot && {
      directBoot: {
        ...directBoot,
        kernel: await take(directBoot.kernel, images, `${checkedImage}.kernel`),
        ...(directBoot.initrd !== undefined && {
          initrd: await take(directBoot.initrd, images, `${checkedImage}.initrd`),
        }),
      },
    }),
  };
}
