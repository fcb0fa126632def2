import type { GuestImage } from "@ob/core";
import { type Harness, runTask } from "./harness.ts";

export interface FilesOptions {
  /** The base image of the disks, by default the default image, and its manifest. */
  readonly base?: string;
  readonly image?: GuestImage;
}

/** All files of disks of one base image, as seen by one guest that has them all attached. */
export async function filesOf(
  bench: Harness,
  disks: readonly string[],
  { base, image = bench.image }: FilesOptions = {},
): Promise<ReadonlyMap<string, readonly string[]>> {
  const caches = await Promise.all(
    disks.map(async (disk, index) => ({
      name: `layer${index}`,
      disk: await bench.createDisk(disk),
      formatted: true,
      // In memory: all have the label that the initrd looks for, so any of them can be this guest's own root.
      target: `/run/layers/${index}`,
    })),
  );
  // Times are omitted, since no two builds have the same; so are the sizes of directories, which have no meaning. The
  // contents of a file that is unchanged since the image was built are known to be the same: its blocks are in the base
  // layer.
  const list =
    "find . -xdev ! -type d -printf '%P|%y|%m|%U:%G|%n|%s|%l\\n'; find . -xdev -type d -printf '%P|%y|%m|%U:%G\\n'; " +
    "find . -xdev -type f -newerct @$(stat -c %Z ./usr/local/lib/obuilder/grow-root) -exec sha256sum {} +";
  const all = caches
    .map(({ target }) => `echo "disk ${target}"; cd ${target}; { ${list}; } | sort`)
    .join("; ");
  const { output } = await bench.runStep(
    await bench.createDisk(base),
    runTask(all, { caches, user: { uid: 0, gid: 0 } }),
    { image },
  );
  const parts = output.split(/^disk .*\n/m).slice(1);
  return new Map(parts.map((part, index) => [disks[index] ?? "", part.trimEnd().split("\n")]));
}
