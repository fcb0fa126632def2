import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { convertDisk, inspectDisk } from "./foreign-disk.ts";
import { inspectQcow2 } from "./standalone-qcow2.ts";

/** True if the first 64 KiB of a qcow2 disk are filled with a byte. */
async function hasPattern(path: string, { fill }: { readonly fill: number }): Promise<boolean> {
  const { stdout } = await run(["qemu-io", "-r", "-f", "qcow2", "-c", `read -P ${fill} 0 64k`, path]);
  return !stdout.includes("Pattern verification failed");
}

let directory: string;
let disk: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "foreign-"));
  disk = join(directory, "disk");
});
afterEach(() => rm(directory, { recursive: true }));

/** Makes a disk whose first 64 KiB hold 7. */
async function make(format: string, options: readonly string[] = []): Promise<void> {
  const raw = join(directory, "raw");
  await writeFile(raw, Buffer.alloc(1 << 16, 7));
  await truncate(raw, 8 << 20);
  await run(["qemu-img", "convert", "-f", "raw", "-O", format, ...options, raw, disk]);
}

async function patch(at: number, bytes: readonly number[]): Promise<void> {
  await using file = await open(disk, "r+");
  await file.write(Buffer.from(bytes), 0, bytes.length, at);
}

/** Lets all entries of a qcow2 disk's tables lead to the table and to the cluster that the first ones lead to. */
async function repeatFirstCluster(): Promise<void> {
  await using file = await open(disk, "r+");
  const numberAt = async (at: number): Promise<bigint> =>
    (await file.read(Buffer.alloc(8), 0, 8, at)).buffer.readBigUInt64BE();
  const repeat = async (at: number, entries: number): Promise<number> => {
    const entry = (await numberAt(at)) & 0x00ff_ffff_ffff_fe00n;
    const table = Buffer.alloc(8 * entries);
    for (let index = 0; index < entries; index++) table.writeBigUInt64BE(entry, 8 * index);
    await file.write(table, 0, table.length, at);
    return Number(entry);
  };
  const first = await repeat(Number(await numberAt(40)), 16);
  await repeat(first, 8192);
}

describe("a disk that names no other", () => {
  it.each<[string, readonly string[]]>([
    ["raw", []],
    ["qcow2", []],
    ["qcow2", ["-o", "compat=0.10"]],
    ["qcow2", ["-c", "-o", "compression_type=zstd"]],
    ["qcow2", ["-o", "extended_l2=on,cluster_size=2M"]],
    ["qcow2", ["-o", "cluster_size=512"]],
    ["qcow", []],
    ["qed", []],
    ["vmdk", []],
    ["vmdk", ["-o", "subformat=streamOptimized"]],
    ["vdi", []],
    ["vdi", ["-o", "static=on"]],
    ["vhdx", []],
    ["vhdx", ["-o", "subformat=fixed"]],
    ["vpc", []],
    ["parallels", []],
  ])("becomes a qcow2 file: %s %j", async (format, options) => {
    await make(format, options);
    const found = await inspectDisk(disk);
    expect(found).toEqual({ path: disk, format, isDevice: false });
    const copy = join(directory, "copy");
    await convertDisk(found, copy);
    expect(await hasPattern(copy, { fill: 7 })).toBe(true);
    expect((await inspectQcow2(copy))?.virtualSize).toBeGreaterThanOrEqual(8 << 20);
  });

  it.each(["1M", "10G", "1T", "60T"])("may show its guest %s", async (size) => {
    await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, size]);
    expect(await inspectQcow2(disk)).toBeDefined();
  });

  it("may have snapshots of its own", async () => {
    await make("qcow2");
    for (const name of ["one", "two"]) await run(["qemu-img", "snapshot", "-c", name, disk]);
    expect(await inspectQcow2(disk)).toEqual({ virtualSize: 8 << 20 });
  });

  it("is a raw one if its last bytes alone look otherwise", async () => {
    await make("vpc", ["-o", "subformat=fixed"]);
    expect(await inspectDisk(disk)).toMatchObject({ format: "raw" });
  });
});

describe("a disk that QEMU cannot read", () => {
  it("is not a disk of its format, in few words", async () => {
    await make("vdi");
    await patch(0x44, [9, 9, 9, 9]);
    await expect(convertDisk(await inspectDisk(disk), join(directory, "copy"))).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining(`${disk} cannot be read as a vdi disk`),
    });
  });

  it("or whose few clusters are read as terabytes, does not fill the disk", async () => {
    const options = ["-o", "cluster_size=64k", disk, "8G"];
    await run(["qemu-img", "create", "-q", "-f", "qcow2", ...options]);
    await run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", disk]);
    await repeatFirstCluster();
    let looks = 0;
    const stat = async () => ({
      bsize: 4096,
      blocks: 1e8,
      bavail: ++looks > 2 ? 1 : 9e7,
      files: 0,
      ffree: 0,
    });
    const copy = join(directory, "copy");
    const converting = convertDisk(await inspectDisk(disk), copy, { stat });
    await expect(converting).rejects.toMatchObject({ code: "NO_SPACE" });
    await expect(readFile(copy)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("or that says it is larger than any, makes no file", async () => {
    await make("qed");
    await patch(48, [0, 0, 0, 0, 0, 0, 1, 0]);
    const copy = join(directory, "copy");
    await expect(convertDisk(await inspectDisk(disk), copy)).rejects.toMatchObject({ code: "BASE_IMAGE" });
    await expect(readFile(copy)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
