import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isEmptyDisk, readQcowHeader, resolveBacking } from "./header.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-header-"));
});
afterEach(async () => await rm(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);

describe("the header of a qcow2 file", () => {
  it("has the virtual size and the backing file", async () => {
    await run(["qemu-img", "create", "-q", "-f", "qcow2", at("base"), "1G"]);
    await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", at("disk"), "3G"]);
    await expect(readQcowHeader(at("base"))).resolves.toEqual({
      virtualSize: 2 ** 30,
      backing: undefined,
      externalData: false,
    });
    await expect(readQcowHeader(at("disk"))).resolves.toEqual({
      virtualSize: 3 * 2 ** 30,
      backing: "base",
      externalData: false,
    });
  });

  it("says if the data are in another file", async () => {
    const options = `data_file=${at("data")}`;
    await run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, at("disk"), "1M"]);
    await expect(readQcowHeader(at("disk"))).resolves.toMatchObject({ externalData: true });
  });

  it.each([
    ["short", "QFI"],
    ["long", "x".repeat(1000)],
  ])("is undefined for a %s file of another kind", async (name, text) => {
    await writeFile(at(name), text);
    await expect(readQcowHeader(at(name))).resolves.toBeUndefined();
    await expect(isEmptyDisk(at(name))).resolves.toBe(false);
  });
});

describe("a disk", () => {
  it("is empty until something is written to it, whatever its backing file holds", async () => {
    await run(["qemu-img", "create", "-q", "-f", "qcow2", at("base"), "1G"]);
    await run(["qemu-io", "-f", "qcow2", "-c", "write 0 512", at("base")]);
    await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", at("disk"), "3G"]);
    await expect(isEmptyDisk(at("base"))).resolves.toBe(false);
    await expect(isEmptyDisk(at("disk"))).resolves.toBe(true);
    await run(["qemu-io", "-f", "qcow2", "-c", "write 2G 512", at("disk")]);
    await expect(isEmptyDisk(at("disk"))).resolves.toBe(false);
  });

  it("is not empty with a snapshot in it", async () => {
    await run(["qemu-img", "create", "-q", "-f", "qcow2", at("disk"), "1M"]);
    await run(["qemu-img", "snapshot", "-c", "one", at("disk")]);
    await expect(isEmptyDisk(at("disk"))).resolves.toBe(false);
  });
});

it("a relative backing path starts at the directory of the file that names it", () => {
  expect(resolveBacking("/store/result/b/disk", "../a/disk")).toBe("/store/result/a/disk");
  expect(resolveBacking("/store/result/b/disk", "/other/disk")).toBe("/other/disk");
});
