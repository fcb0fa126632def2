import { open, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { run, type RunOptions } from "@ob/core";
import { convert } from "@ob/qcow2";

/** The start of the partition, in bytes: sector 2048. */
const offset = 1 << 20;
const sector = 512;
const linuxPartition = 0x83;

/** An explicit list: every mke2fs knows these features, and every kernel since 3.18 mounts them. */
const features = [
  "none",
  "has_journal",
  "ext_attr",
  "resize_inode",
  "dir_index",
  "filetype",
  "extent",
  "64bit",
  "flex_bg",
  "sparse_super",
  "large_file",
  "huge_file",
  "dir_nlink",
  "extra_isize",
  "metadata_csum",
].join(",");

/**
 * Creates a qcow2 disk with one partition that holds an empty ext4 file system. It needs no root and no mount. The root
 * directory is root's with mode 777: any user of a step can keep files there, and without the sticky bit the next step's
 * user can replace them.
 *
 * @param options.size of the disk in bytes; empty space takes none on the host.
 */
export async function formatExt4(path: string, options: { size: number } & RunOptions): Promise<void> {
  const { size, ...running } = options;
  const raw = `${path}.raw`;
  const commands = `${path}.commands`;
  try {
    await writePartitionTable(raw, size);
    const extended = `offset=${offset},root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1`;
    const kib = Math.floor((size - offset) / 1024);
    await run(
      ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O", features, "-E", extended, raw, `${kib}k`],
      running,
    );
    await writeFile(commands, "rmdir lost+found\nset_inode_field / mode 040777\n");
    // The file is named relative to its directory, since debugfs would read options after a `?` in the store's path.
    await run(["debugfs", "-w", "-f", commands, `${basename(raw)}?offset=${offset}`], {
      ...running,
      cwd: dirname(raw),
    });
    await convert(raw, path, { from: "raw", signal: running.signal, emit: running.emit });
  } finally {
    await rm(raw, { force: true });
    await rm(commands, { force: true });
  }
}

async function writePartitionTable(path: string, size: number): Promise<void> {
  const table = Buffer.alloc(sector);
  const entry = 446;
  table.writeUInt8(linuxPartition, entry + 4);
  table.writeUInt32LE(offset / sector, entry + 8);
  table.writeUInt32LE(Math.floor((size - offset) / sector), entry + 12);
  table.writeUInt16LE(0xaa55, 510);
  await using file = await open(path, "wx");
  await file.truncate(size);
  await file.write(table, 0, sector, 0);
}
