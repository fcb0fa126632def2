import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "@ob/core";

/**
 * Everything in the first partition of a disk, one line per path: kind, mode, owner and contents. Times are omitted. No
 * process may have the disk open.
 */
export async function filesOn(disk: string): Promise<readonly string[]> {
  const scratch = await mkdtemp(`${disk}-files-`);
  try {
    const raw = path.join(scratch, "raw");
    const root = path.join(scratch, "root");
    await run(["qemu-img", "convert", "-O", "raw", disk, raw]);
    await run(["mkdir", root]);
    // Without root it reports that it cannot set owners, and continues.
    await run(["debugfs", "-R", "rdump / root", "raw?offset=1048576"], { cwd: scratch });
    const lines = [];
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      lines.push(`${path.relative(root, file)}: ${await describeFile(file)}`);
    }
    return lines.toSorted();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function describeFile(file: string): Promise<string> {
  const stats = await lstat(file);
  const owner = `${stats.mode.toString(8)} ${stats.uid}:${stats.gid}`;
  if (stats.isSymbolicLink()) return `${owner} -> ${await readlink(file)}`;
  return stats.isFile() ? `${owner} ${await digestOf(file)}` : owner;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
