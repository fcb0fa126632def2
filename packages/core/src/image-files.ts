import { realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { errnoCode, errorMessage, ObError } from "./errors.ts";
import { type ImageManifest, isStoreKey } from "./image-manifest.ts";
import { readRegularFile } from "./regular-file.ts";

/**
 * The path of a file that an image manifest names. Links are followed, and must stay in the manifest's directory.
 *
 * @param directory the manifest's, absolute.
 * @param named as the manifest has it.
 * @returns an absolute path; the file need not exist.
 * @throws ObError `BASE_IMAGE` if it leads out, or is there but is not a file.
 */
export async function imageFile(directory: string, named: string): Promise<string> {
  const path = join(directory, named);
  const real = await realpath(path).catch((error: unknown) => {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw unreadable(path, error);
  });
  const leads = relative(await realpath(directory), real ?? join(await realpath(directory), named));
  if (leads !== ".." && !leads.startsWith(`..${sep}`)) {
    // Reading a pipe could wait without end.
    if (real !== undefined && !(await stat(real)).isFile())
      throw unreadable(path, new Error("it is not a file"));
    return path;
  }
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

/**
 * The text of a manifest or of another small file of an image; undefined if there is none.
 *
 * @throws ObError `BASE_IMAGE` if it cannot be read, is not a file, or is larger than 1 MiB.
 */
export async function readImageText(path: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(path)).toString();
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): ObError {
  return new ObError("BASE_IMAGE", `${path} cannot be read: ${errorMessage(cause)}.`, {
    cause,
    hint: "All files of an image are files beside its manifest.",
  });
}
