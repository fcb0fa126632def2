import { realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ObError, errnoCode } from "./errors.ts";
import { type ImageManifest, isStoreKey } from "./image-manifest.ts";

/**
 * The path of a file that an image manifest names. Links are followed, and must stay in the manifest's directory.
 *
 * @param directory the manifest's, absolute.
 * @param named as the manifest has it.
 * @returns an absolute path; the file need not exist.
 * @throws ObError `BASE_IMAGE` if it leads out.
 */
export async function imageFile(directory: string, named: string): Promise<string> {
  const path = join(directory, named);
  const real = await realpath(path).catch((error: unknown) => {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw error;
  });
  const leads = relative(await realpath(directory), real ?? join(await realpath(directory), named));
  if (leads !== ".." && !leads.startsWith(`..${sep}`)) return path;
  throw new ObError(
    "BASE_IMAGE",
    `${path} leads out of the directory of its image manifest, to ${real ?? path}.`,
    {
      hint: "Replace it by a copy of the file: all files of an image are beside its manifest.",
    },
  );
}

/**
 * Refuses a manifest with files outside of its directory, except the store's own key, whose path the caller knows.
 *
 * @param directory the manifest's, absolute.
 * @throws ObError `BASE_IMAGE`
 */
export async function checkImageFiles(
  { directBoot, sshKey }: ImageManifest,
  directory: string,
): Promise<void> {
  for (const named of [directBoot?.kernel, directBoot?.initrd, sshKey]) {
    if (named !== undefined && !isStoreKey(named)) await imageFile(directory, named);
  }
}
