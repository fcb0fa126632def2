import { mkdtemp, open, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDisk, createOverlay } from "../create.ts";
import { inspectOverlay } from "./overlay-qcow2.ts";

const size = 64 << 20;
const backing = "base.qcow2";
let directory: string;
let disk: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "overlay-"));
  disk = join(directory, "disk.qcow2");
  await createDisk(join(directory, backing), { size });
  await createOverlay(disk, { backing });
  await run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", disk]);
});
afterEach(() => rm(directory, { recursive: true }));

const look = () => inspectOverlay(disk, { backing, minSize: size });
const recreate = async (options: readonly string[], target = "8M"): Promise<void> => {
  await rm(disk);
  await run(["qemu-img", "create", "-q", "-f", "qcow2", ...options, disk, target], {});
};

async function patch(at: number, bytes: readonly number[]): Promise<void> {
  await using file = await open(disk, "r+");
  await file.write(Buffer.from(bytes), 0, bytes.length, at);
}

describe("an overlay from elsewhere", () => {
  it("is taken as it was made, grown and compressed too", async () => {
    expect(await look()).toEqual({ virtualSize: size });
    await recreate(["-b", join(directory, backing), "-F", "qcow2", "-o", "compression_type=zstd"], "128M");
    await run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", backing, disk]);
    expect(await look()).toEqual({ virtualSize: 128 << 20 });
  });

  it.each<[string, readonly string[], RegExp]>([
    [
      "another backing file",
      ["-b", "/etc/hostname", "-F", "qcow2", "-u"],
      /its backing file is "\/etc\/hostname"/,
    ],
    ["a backing file by JSON", ["-b", "json:{}", "-F", "qcow2", "-u"], /its backing file is "json:\{\}"/],
    ["a backing file of another format", ["-b", backing, "-F", "raw", "-u"], /extension 0xe2792aca/],
    ["no backing file", [], /it has no backing file/],
    ["an older version", ["-b", backing, "-F", "qcow2", "-u", "-o", "compat=0.10"], /version 2/],
    ["a smaller size", ["-b", backing, "-F", "qcow2", "-u"], /smaller than its backing file/],
  ])("is refused with %s", async (_, options, message) => {
    await recreate(options);
    await expect(look()).rejects.toThrow(message);
  });

  it("is refused with a data file, bitmaps, snapshots, encryption or an unknown feature", async () => {
    await run(["qemu-img", "snapshot", "-c", "s", disk]);
    await expect(look()).rejects.toThrow("it has snapshots");
    await run(["qemu-img", "snapshot", "-d", "s", disk]);
    await run(["qemu-img", "bitmap", "--add", disk, "b"]);
    await expect(look()).rejects.toThrow("it has bitmaps");
    await run(["qemu-img", "bitmap", "--remove", disk, "b"]);
    for (const [at, byte, message] of [
      [35, 1, "it is encrypted"],
      [79, 4, "needs the features 0x4"],
      [78, 1, "needs the features 0x100"],
      [95, 2, "data file"],
    ] as const) {
      await patch(at, [byte]);
      await expect(look()).rejects.toThrow(message);
      await patch(at, [0]);
    }
    await expect(look()).resolves.toBeDefined();
    await patch(112, [0x44, 0x41, 0x54, 0x41]);
    await expect(look()).rejects.toThrow("extension 0x44415441");
  });

  it("is refused if it is cut, is something else, or has a file that its size cannot explain", async () => {
    await truncate(disk, size * 3);
    await expect(look()).rejects.toThrow("more than its");
    await truncate(disk, 70_000);
    await expect(look()).rejects.toThrow("tables that do not fit");
    await truncate(disk, 90);
    await expect(look()).rejects.toThrow("not a qcow2 file");
    await truncate(disk, 0);
    await expect(look()).rejects.toThrow("not a qcow2 file");
  });
});
