import { type DiskBus, ObError } from "@ob/core";
import { machineFor, maxDisksOn } from "@ob/qemu";
import type { Guest } from "../guest/resolve-guest.ts";

/** @throws ObError `UNSUPPORTED` for more caches than the guest's machine has room for. */
export function assertRoomForCaches(
  { arch, hardware }: Pick<Guest, "arch" | "hardware">,
  count: number,
): void {
  const bus: DiskBus = hardware.diskBus ?? "virtio";
  // One is the root disk. A machine without the bus is refused when its VM is started.
  const max = maxDisksOn(bus, machineFor(arch)) - 1;
  if (count <= max || max < 0) return;
  throw new ObError(
    "UNSUPPORTED",
    `A step ${bus === "virtio" ? "" : `on ${bus} disks `}can have ${max} caches at most, and this one has ${count}.`,
    { hint: "Keep several directories in one cache, or split the step." },
  );
}
