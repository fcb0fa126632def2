import { type DiskBus, ObError } from "@ob/core";
import { pciAddress } from "./pci-slots.ts";
import type { Machine, QemuOption } from "./machine.ts";

export interface DiskPosition {
  readonly index: number;
  /** How many disks the machine has. */
  readonly count: number;
  readonly machine: Machine;
}

/** The controllers that the disks need in addition to those of the machine. */
export function diskControllers(bus: DiskBus, count: number): readonly QemuOption[] {
  if (bus !== "sata") return [];
  const controllers = Math.ceil(count / sataPorts);
  return Array.from({ length: controllers }, (_, index) => ["-device", `ich9-ahci,id=sata${index}`] as const);
}

/**
 * The device model of a disk and its address on the bus.
 *
 * @throws ObError `UNSUPPORTED` for a bus that the machine does not have, or more disks than it takes.
 */
export function diskDevice(bus: DiskBus, position: DiskPosition): string {
  const { index, count, machine } = position;
  switch (bus) {
    case "virtio":
      return `${machine.devices.disk}${pciAddress(index, count)}`;
    case "sata":
      assertAtMost(maxSataDisks, { bus, count });
      return `ide-hd,bus=sata${Math.floor(index / sataPorts)}.${index % sataPorts}`;
    case "ide": {
      const { ideBuses, arch } = machine;
      if (ideBuses.length === 0) {
        throw new ObError("UNSUPPORTED", `The ${arch} machine has no IDE bus.`, {
          hint: "Use --qemu-disk-bus=virtio or sata.",
        });
      }
      assertAtMost(ideBuses.length * 2, { bus, count });
      return `ide-hd,bus=${ideBuses[Math.floor(index / 2)] ?? ""},unit=${index % 2}`;
    }
  }
}

/** The ports of one AHCI controller, and the most disks that a VM may have on them. */
const sataPorts = 6;
const maxSataDisks = 8 * sataPorts;

function assertAtMost(max: number, { bus, count }: { readonly bus: DiskBus; readonly count: number }): void {
  if (count <= max) return;
  throw new ObError(
    "UNSUPPORTED",
    `A step on ${bus} disks can have ${max - 1} caches at most, and this one has ${count - 1}.`,
    { hint: "Keep several directories in one cache, or split the step." },
  );
}
