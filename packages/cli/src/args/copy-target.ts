import { stat } from "node:fs/promises";
import path from "node:path";
import { errorMessage, ObError, errnoCode } from "@ob/core";

/** The destination of `cp`. */
export interface CopyTarget {
  /** An existing directory, absolute, that the archive is unpacked in. */
  readonly directory: string;
  /**
   * The item's path in it, see `LayerItem.archivePath`; empty if its contents go into the directory itself.
   *
   * @throws ObError `USAGE` if what exists there cannot be replaced by the item.
   */
  readonly archivePath: (isDirectory: boolean) => string;
}

export interface CopiedItem {
  /** Its name in the guest; empty for the root. */
  readonly name: string;
  /** Its contents are copied, not the directory itself. */
  readonly contents: boolean;
}

/**
 * Resolves a destination as `cp -r` does: into an existing directory, otherwise under the new name.
 *
 * @throws ObError `USAGE` if its parent is not a directory.
 */
export async function findTarget(destination: string, item: CopiedItem): Promise<CopyTarget> {
  const { name, contents } = item;
  const absolute = path.resolve(destination);
  const wantsDirectory = /[/\\]\.?$/.test(destination);
  const kind = await kindOf(absolute);
  if (kind === "directory") return { directory: absolute, archivePath: () => (contents ? "" : name) };
  const parent = path.dirname(absolute);
  if ((await kindOf(parent)) !== "directory") {
    throw new ObError("USAGE", `The directory ${parent} does not exist.`);
  }
  const archivePath = (isDirectory: boolean) => {
    if (isDirectory && kind === "file") throw new ObError("USAGE", `${absolute} is not a directory.`);
    if (!isDirectory && wantsDirectory)
      throw new ObError("USAGE", `The directory ${absolute} does not exist.`);
    return path.basename(absolute);
  };
  return { directory: parent, archivePath };
}

async function kindOf(file: string): Promise<"directory" | "file" | "nothing"> {
  try {
    return (await stat(file)).isDirectory() ? "directory" : "file";
  } catch (cause) {
    if (errnoCode(cause) === "ENOENT") return "nothing";
    throw new ObError("USAGE", `${file} cannot be opened: ${errorMessage(cause)}.`, { cause });
  }
}
