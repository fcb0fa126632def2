import type { ArchivedDirectory } from "@ob/core";

/**
 * The directories in an archive, in the form that keep-directories.sh reads: one path per line, and an empty line at the
 * end. A path is relative to the guest's root; it has a leading slash if the destination is in it. A newline and a
 * backslash are escaped.
 */
export function directoryLines(directories: readonly ArchivedDirectory[]): Buffer {
  const lines = directories.map(({ path, isParent }) => {
    const bytes = Buffer.from(path).toString("latin1");
    return `${isParent ? "/" : ""}${bytes.replaceAll("\\", String.raw`\0134`).replaceAll("\n", String.raw`\0012`)}\n`;
  });
  return Buffer.from(`${lines.join("")}\n`, "latin1");
}
