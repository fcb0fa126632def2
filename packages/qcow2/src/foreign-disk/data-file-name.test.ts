import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { expect, test } from "vitest";
import { inspectQcow2 } from "./standalone-qcow2.ts";

/** A header extension that names a file with the data. */
function dataFile(name: string): Buffer {
  const extension = Buffer.alloc(8 + Math.ceil(name.length / 8) * 8 + 8);
  extension.writeUInt32BE(0x44_41_54_41, 0);
  extension.writeUInt32BE(name.length, 4);
  extension.write(name, 8);
  return extension;
}

test.each([
  ["1.1", 112],
  ["0.10", 72],
])(
  "a disk of the version %s that names a file with its data is refused, also if it does not say so",
  async (compat, at) => {
    const directory = await mkdtemp(join(tmpdir(), "ob-disk-"));
    try {
      const disk = join(directory, "disk");
      await run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", `compat=${compat}`, disk, "1M"]);
      await expect(inspectQcow2(disk)).resolves.toEqual({ virtualSize: 2 ** 20 });
      await using file = await open(disk, "r+");
      await file.write(dataFile("/etc/hostname"), 0, undefined, at);
      await expect(inspectQcow2(disk)).rejects.toMatchObject({
        code: "BASE_IMAGE",
        message: `${disk} has its data in another file, "/etc/hostname"; a base image is one file that names no other.`,
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
