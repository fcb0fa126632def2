import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isEmptyDisk, readQcowHeader } from "./header.ts";

test("a header that points where no file reaches names no backing file, and its disk is not an empty one", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ob-header-"));
  try {
    const header = Buffer.alloc(104);
    header.writeUInt32BE(0x51_46_49_fb, 0);
    header.writeUInt32BE(3, 4);
    for (const at of [8, 40]) header.writeBigUInt64BE(2n ** 64n - 1n, at);
    for (const at of [16, 36]) header.writeUInt32BE(1, at);
    const file = join(directory, "disk");
    await writeFile(file, header);
    await expect(readQcowHeader(file)).resolves.toMatchObject({ backing: "" });
    await expect(isEmptyDisk(file)).resolves.toBe(false);
  } finally {
    await rm(directory, { recursive: true });
  }
});
