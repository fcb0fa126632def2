import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";

export const diskKinds = ["tmpfs", "ext4"] as const;
export type DiskKind = (typeof diskKinds)[number];

const diskSize = "64M";

/** A mounted file system that is nearly full. Disposing unmounts it. */
export interface SmallDisk extends AsyncDisposable {
  /** Absolute path of where it is mounted. */
  readonly directory: string;
  /** Leaves this much free, in bytes. */
  fill(left: number): Promise<void>;
  /** Makes room again. */
  makeRoom(): Promise<void>;
}

/**
 * Mounts a file system of 64 MiB: in memory, or of a file.
 *
 * @param directory where its files are; it may exist.
 * @throws ObError `TOOL_FAILED` or `MISSING_TOOL` if this process may not mount, or the host has no such file system.
 */
export async function mountSmallDisk(kind: DiskKind, directory: string): Promise<SmallDisk> {
  const place = path.join(directory, kind);
  const image = path.join(directory, `${kind}.img`);
  await mkdir(place, { recursive: true });
  if (kind === "tmpfs") {
    await run(["mount", "-t", "tmpfs", "-o", `size=${diskSize},mode=700`, "campaign", place]);
  } else {
    await run(["truncate", "-s", diskSize, image]);
    await run(["mke2fs", "-q", "-t", "ext4", "-m", "0", image]);
    await run(["mount", "-o", "loop", image, place]);
  }
  const ballast = path.join(place, "ballast");
  const free = async () => {
    const { bavail, bsize } = await statfs(place);
    return bavail * bsize;
  };
  return {
    directory: place,
    async fill(left) {
      const size = Math.max(0, (await free()) - left);
      await writeFile(ballast, "");
      await run(["fallocate", "-l", String(Math.max(1, size)), ballast]);
    },
    makeRoom: () => rm(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      await run(["umount", place]);
      await rm(image, { force: true });
    },
  };
}
