import { expect, test } from "vitest";
import { bootRecord, partitionStart, partitionTable, sectorBytes } from "./boot-record.ts";

const bootImage = Buffer.alloc(sectorBytes, 0xb0);

test("the boot sector's code ends at the partition table, and the core image starts in sector 1", () => {
  const disk = Buffer.alloc(partitionStart * sectorBytes, 0xee);
  for (const { offset, bytes } of bootRecord(bootImage, Buffer.alloc(3000, 0xc0))) disk.set(bytes, offset);
  expect(disk.subarray(0, partitionTable).every((byte) => byte === 0xb0)).toBe(true);
  expect(disk.subarray(partitionTable, sectorBytes).every((byte) => byte === 0xee)).toBe(true);
  expect(disk.subarray(sectorBytes, sectorBytes + 3000).every((byte) => byte === 0xc0)).toBe(true);
  expect(disk[sectorBytes + 3000]).toBe(0xee);
});

test("a core image that overlaps the partition is refused", () => {
  const room = (partitionStart - 1) * sectorBytes;
  expect(bootRecord(bootImage, Buffer.alloc(room))).toHaveLength(2);
  expect(() => bootRecord(bootImage, Buffer.alloc(room + 1))).toThrow(/more than the 1048064/);
});

test("a boot sector of the wrong size is refused", () => {
  expect(() => bootRecord(Buffer.alloc(511), Buffer.alloc(1))).toThrow(/511 bytes instead of 512/);
});
