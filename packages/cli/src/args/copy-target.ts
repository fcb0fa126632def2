import { stat } from "node:fs/promises";
import path from "node:path";
import { messageOf, ObError, systemCode } from "@ob/core";

/** Where `cp` puts something. */
export interface CopyTarget {
  /** An existing directory, absolute, that the archive is unpacked in. */
  readonly directory: string;
  /**
   * The item's place in it, as `LayerItem.place` says; empty where its contents go into the directory itself.
   *
   * @throws ObError `USAGE` if what is there cannot become what the item is.
   */
  readonly place: (isDirectory: boolean) => string;
}

export interface CopiedItem {
  /** Its name in the guest; empty for the root. */
  readonly name: string;
  /** What is in it is copied, not the directory itself. */
  readonly contents: boolean;
}

/**
 * Finds out what a destination means, as `cp -r` does: into a directory that is there, otherwise under the new name.
 *
 * @throws ObError `USAGE` if its parent is no directory.
 */
export async function findTarget(destination: string, item: CopiedItem): Promise<CopyTarget> {
  const { name, contents } = item;
  const absolute = path.resolve(destination);
  const wantsDirectory = /[/\\]\.?$/.test(destination);
  const kind = await kindOf(absolute);
  if (kind === "directory") return { directory: absolute, place: () => (contents ? "" : name) };
  const parent = path.dirname(absolute);
  if ((await kindOf(parent)) !== "directory") {
    throw new ObError("USAGE", `There is no directory ${parent} to copy to.`);
  }
  const place = (isDirectory: boolean) => {
    if (isDirectory && kind === "file") throw new ObError("USAGE", `${absolute} is no directory.`);
    if (!isDirectory && wantsDirectory) throw new ObError("USAGE", `There is no directory ${absolute}.`);
    return path.basename(absolute);
  };
  return { directory: parent, place };
}

async function kindOf(file: string): Promise<"directory" | "file" | "nothing"> {
  try {
    return (await stat(file)).isDirectory() ? "directory" : "file";
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return "nothing";
    throw new ObError("USAGE", `${file} cannot be opened: ${messageOf(cause)}.`, { cause });
  }
}
