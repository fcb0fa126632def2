import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { run } from "@ob/core";
import type { TestStore } from "./store.ts";

/** Runs a debugfs command on the first partition of a qcow2 disk, which no process may have open. */
export async function debugfs(disk: string, command: string): Promise<string> {
  const raw = `${disk}.raw`;
  try {
    await run(["qemu-img", "convert", "-O", "raw", disk, raw]);
    return (
      await run(["debugfs", "-R", command, `${path.basename(raw)}?offset=1048576`], {
        cwd: path.dirname(raw),
      })
    ).stdout;
  } finally {
    await rm(raw, { force: true });
  }
}

/** The disk of a cache's newest version. */
export async function newestCacheDisk(store: TestStore, name: string): Promise<string> {
  const directory = path.join(store.directory, "cache", `c-${name}`, "ext4");
  const versions = (await readdir(directory)).map((file) => Number.parseInt(file, 10));
  return path.join(directory, `${Math.max(...versions)}.qcow2`);
}

/** True if the disk, as a guest reads it, contains these bytes anywhere. */
export async function diskHolds(disk: string, text: string): Promise<boolean> {
  const raw = path.join(path.dirname(disk), `${crypto.randomUUID()}.raw`);
  try {
    await run(["qemu-img", "convert", "-O", "raw", disk, raw]);
    // Most of a disk is holes, which would take minutes to read.
    const { stdout } = await run(["qemu-img", "map", "--output=json", "-f", "raw", raw]);
    const extents = JSON.parse(stdout) as readonly { start: number; length: number; data: boolean }[];
    await using handle = await open(raw);
    for (const { start, length, data } of extents) {
      if (data && (await holds(handle, text, { start, end: start + length }))) return true;
    }
    return false;
  } finally {
    await rm(raw, { force: true });
  }
}

async function holds(
  handle: FileHandle,
  text: string,
  range: { start: number; end: number },
): Promise<boolean> {
  const wanted = Buffer.from(text);
  const chunk = Buffer.alloc(4 << 20);
  let kept = Buffer.alloc(0);
  for (let at = range.start; at < range.end;) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, range.end - at), at);
    if (bytesRead === 0) return false;
    at += bytesRead;
    const bytes = Buffer.concat([kept, chunk.subarray(0, bytesRead)]);
    if (bytes.includes(wanted)) return true;
    // A match can begin in one chunk and end in the next.
    kept = Buffer.from(bytes.subarray(Math.max(0, bytes.length - wanted.length)));
  }
  return false;
}

/** The files below a directory on the host that contain these bytes. */
export async function filesHolding(directory: string, text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    await using handle = await open(file);
    const { size } = await handle.stat();
    if (await holds(handle, text, { start: 0, end: size })) found.push(file);
  }
  return found;
}
