import { readdir } from "node:fs/promises";

/** Digests of their contents in the names: files of an image that was published here. Older ones have none. */
const ownFile = /^(?:[0-9a-f]{12}\.)?(?:kernel|initrd|key)$/;

/**
 * The names of the files beside an image that are named after it: kernels, initrds and keys, of the image and of those that it
 * has replaced.
 *
 * @param images absolute path of the directory of images.
 */
export async function filesBeside(images: string, name: string): Promise<readonly string[]> {
  const files = await readdir(images);
  return files.filter((file) => file.startsWith(`${name}.`) && ownFile.test(file.slice(name.length + 1)));
}
