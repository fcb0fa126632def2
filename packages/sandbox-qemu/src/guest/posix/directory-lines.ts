import type { ArchivedDirectory } from "@ob/core";

/**
 * The directories that an archive names, a line each and an empty one at the end: what keep-directories.sh reads. A path
 * is from the guest's root, with a slash before it if the destination is in it; a newline and a backslash are escaped.
 */
export function directoryLines(directories: readonly ArchivedDirectory[]): Buffer {
  const lines = directories.map(({ path, isParent }) => {
    const bytes = Buffer.from(path).toString("latin1");
    return `${isParent ? "/" : ""}${bytes.replaceAll("\\", String.raw`\0134`).replaceAll("\n", String.raw`\0012`)}\n`;
  });
  return Buffer.from(`${lines.join("")}\n`, "latin1");
}
