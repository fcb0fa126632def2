import { type DiskBus, ObError } from "@ob/core";
import { pciAddress } from "./pci-slots.ts";
import type { Machine, QemuOption } from "./machine.ts";

export interface DiskPosition {
  readonly index: number;
  /** How many disks the machine has. */
  readonly count: number;
  readonly machine: Machine;
}

/** Controllers that the disks need beside those of the machine. */
export function diskControllers(bus: DiskBus, count: number): readonly QemuOption[] {
  if (bus !== "sata") return [];
  const controllers = Math.ceil(count / sataPorts);
  return Array.from({ length: controllers }, (_, index) => ["-device", `ich9-ahci,id=sata${index}`] as const);
}

/**
 * The device of a disk and its place on the bus.
 *
 * @throws ObError `UNSUPPORTED` for a bus that the machine does not have, or more disks than it takes.
 */
export function diskDevice(bus: DiskBus, position: DiskPosition): string {
  const { index, count, machine } = position;
  switch (bus) {
    case "virtio":
      return `${machine.devices.disk}${pciAddress(index, count)}`;
    case "sata":
      refuseMoreThan(maxSataDisks, { bus, count });
      return `ide-hd,bus=sata${Math.floor(index / sataPorts)}.${index % sataPorts}`;
    case "ide": {
      const { ideBuses, arch } = machine;
      if (ideBuses.length === 0) {
        throw new ObError("UNSUPPORTED", `A machine for ${arch} has no IDE disks.`, {
          hint: "Use --qemu-disk-bus=virtio or sata.",
        });
      }
      refuseMoreThan(ideBuses.length * 2, { bus, count });
      return `ide-hd,bus=${ideBuses[Math.floor(index / 2)] ?? ""},unit=${index % 2}`;
    }
  }
}

/** Ports of one AHCI controller, and how many disks are taken on so many controllers. */
const sataPorts = 6;
const maxSataDisks = 8 * sataPorts;

function refuseMoreThan(
  most: number,
  { bus, count }: { readonly bus: DiskBus; readonly count: number },
): void {
  if (count <= most) return;
  throw new ObError(
    "UNSUPPORTED",
    `A step on ${bus} disks can have ${most - 1} caches at most, and this one has ${count - 1}.`,
    { hint: "Keep several directories in one cache, or split the step." },
  );
}
