import type { ArchivedDirectory, ArchiveFeature } from "@ob/core";

/** What an archive contains that the guest must know before it unpacks. */
export interface ArchiveContents {
  readonly directories: readonly ArchivedDirectory[];
  readonly features: ReadonlySet<ArchiveFeature>;
}

/**
 * What comes before an archive, in the form that keep-directories.sh reads: a line with the features, then one path per
 * line, and an empty line at the end. A path is relative to the guest's root; a slash before it says that the destination
 * is in it, two that it must be below the last path with three. A newline and a backslash are escaped.
 */
export function directoryLines({ directories, features }: ArchiveContents): Buffer {
  const lines = [`archive ${[...features].join(" ")}`];
  let within: string | undefined;
  for (const { path, isParent, bounds } of directories) {
    const limit = bounds && escaped(bounds);
    if (limit !== undefined && limit !== within) lines.push(`///${limit}`);
    within = limit ?? within;
    lines.push(`${isParent ? "/" : limit === undefined ? "" : "//"}${escaped(path)}`);
  }
  return Buffer.from(`${lines.join("\n")}\n\n`, "latin1");
}

function escaped(path: Uint8Array): string {
  const bytes = Buffer.from(path).toString("latin1");
  return bytes.replaceAll("\\", String.raw`\0134`).replaceAll("\n", String.raw`\0012`);
}
