import { expect, it } from "vitest";
import { assertRoomForCaches } from "./cache-limit.ts";

it.each([
  ["virtio", 192, "A step can have 192 caches at most, and this one has 193."],
  ["sata", 47, "A step on sata disks can have 47 caches at most, and this one has 48."],
  ["ide", 3, "A step on ide disks can have 3 caches at most, and this one has 4."],
] as const)("a step on %s disks can have %i caches", (diskBus, max, message) => {
  const guest = { arch: "amd64", hardware: { diskBus } } as const;
  expect(() => assertRoomForCaches(guest, max)).not.toThrow();
  expect(() => assertRoomForCaches(guest, max + 1)).toThrow(message);
});
