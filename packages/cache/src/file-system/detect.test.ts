import { mkdtempDisposable, open, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { expect, it } from "vitest";
import { detectFileSystem } from "./detect.ts";

interface Table {
  /** The script for sfdisk; without it the disk has no partition table. */
  readonly partitions?: string;
  /** Bytes by their offset on the disk. */
  readonly bytes?: ReadonlyMap<number, Uint8Array>;
}

/** What is detected on a disk with this partition table and these bytes. */
async function identified({ partitions, bytes = new Map() }: Table) {
  await using directory = await mkdtempDisposable(join(tmpdir(), "file-systems-"));
  const raw = join(directory.path, "disk.raw");
  const disk = join(directory.path, "disk.qcow2");
  await writeFile(raw, "");
  await truncate(raw, 64 << 20);
  if (partitions !== undefined) await run(["sfdisk", "-q", raw], { input: partitions });
  {
    await using file = await open(raw, "r+");
    for (const [position, each] of bytes) await file.write(each, 0, each.length, position);
  }
  await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk]);
  return await detectFileSystem(disk, {});
}

const mib = 1 << 20;
const ext4 = Uint8Array.of(0x53, 0xef);
const ext4Place = 1024 + 56;
const ntfs = Buffer.from("NTFS    ");

it("a partition in the fourth entry, as by OpenBSD's fdisk, is detected", async () => {
  expect(await identified({ partitions: "4 : start=64, type=a6\n" })).toBe("ffs");
});

it.each([1, 2, 3, 4])("a file system is detected in entry %i of an MBR", async (place) => {
  const bytes = new Map([[8 * mib + ext4Place, ext4]]);
  expect(await identified({ partitions: `${place} : start=16384, type=83\n`, bytes })).toBe("ext4");
});

it("a partition without a file system is ignored", async () => {
  const partitions = "1 : start=2048, size=2048, type=83\n2 : start=16384, type=7\n";
  expect(await identified({ partitions, bytes: new Map([[8 * mib + 3, ntfs]]) })).toBe("ntfs");
  expect(await identified({ partitions })).toBeUndefined();
});

it("all partitions of a GPT are checked: Windows has a reserved one in the first entry", async () => {
  const reserved = "start=2048, size=2048, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE\n";
  const data = "start=16384, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n";
  const bytes = new Map([[8 * mib + 3, ntfs]]);
  expect(await identified({ partitions: `label: gpt\n${reserved}${data}`, bytes })).toBe("ntfs");
  const openbsd = "start=16384, type=824CC7A0-36A8-11E3-890A-952519AD3F61\n";
  expect(await identified({ partitions: `label: gpt\n${reserved}${openbsd}` })).toBe("ffs");
});

it("a disk without data is blank, and unknown data is undefined", async () => {
  expect(await identified({})).toBe("blank");
  expect(await identified({ bytes: new Map([[0, Buffer.from("something")]]) })).toBeUndefined();
});
