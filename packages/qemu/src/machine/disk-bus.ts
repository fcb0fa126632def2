import { type DiskBus, ObError } from "@ob/core";
import { maxDisks, pciAddress } from "./pci-slots.ts";
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
      assertRoom({ bus, count, machine });
      return `${machine.devices.disk}${machine.bus === "pci" ? pciAddress(index, count) : ""}`;
    case "sata":
      assertRoom({ bus, count, machine });
      return `ide-hd,bus=sata${Math.floor(index / sataPorts)}.${index % sataPorts}`;
    case "ide": {
      const { ideBuses, arch } = machine;
      if (ideBuses.length === 0) {
        throw new ObError("UNSUPPORTED", `The ${arch} machine has no IDE bus.`, {
          data: { option: "diskBus" },
        });
      }
      assertRoom({ bus, count, machine });
      return `ide-hd,bus=${ideBuses[Math.floor(index / idePerBus)] ?? ""},unit=${index % idePerBus}`;
    }
  }
}

/** How many disks a machine can have on a bus, including the root disk. */
export function maxDisksOn(bus: DiskBus, { ideBuses }: Pick<Machine, "ideBuses">): number {
  switch (bus) {
    case "virtio":
      return maxDisks;
    case "sata":
      return maxSataDisks;
    case "ide":
      return ideBuses.length * idePerBus;
  }
}

/** The disks of one IDE bus: master and slave. */
const idePerBus = 2;

/** The ports of one AHCI controller, and the most disks that a VM may have on them. */
const sataPorts = 6;
const maxSataDisks = 8 * sataPorts;

function assertRoom({ bus, count, machine }: Omit<DiskPosition, "index"> & { readonly bus: DiskBus }): void {
  const max = maxDisksOn(bus, machine);
  if (count <= max) return;
  throw new ObError(
    "UNSUPPORTED",
    `A machine can have ${max} ${bus} disks at most, and this one is to have ${count}.`,
  );
}
