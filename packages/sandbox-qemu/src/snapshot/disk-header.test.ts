import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readDiskHeader } from "./disk-header.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "disk-header-"));
});
afterEach(async () => await rm(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);

describe("the header of a disk", () => {
  it("names its backing file, and says that nothing was written to it", async () => {
    await run(["qemu-img", "create", "-q", "-f", "qcow2", at("base"), "1G"]);
    await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", at("disk"), "3G"]);
    await expect(readDiskHeader(at("disk"))).resolves.toEqual({
      virtualSize: 3 * 2 ** 30,
      backing: { text: "base", path: at("base") },
      fresh: true,
    });
    await run(["qemu-io", "-f", "qcow2", "-c", "write 2G 512", at("disk")]);
    await expect(readDiskHeader(at("disk"))).resolves.toMatchObject({ fresh: false });
    await expect(readDiskHeader(at("base"))).resolves.toMatchObject({ backing: undefined, fresh: true });
  });

  it("is not found in what is not a qcow2 disk", async () => {
    await writeFile(at("short"), "QFI");
    await writeFile(at("long"), "x".repeat(1000));
    await expect(readDiskHeader(at("short"))).resolves.toBeUndefined();
    await expect(readDiskHeader(at("long"))).resolves.toBeUndefined();
  });
});
