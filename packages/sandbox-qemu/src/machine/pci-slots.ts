import { ObError } from "@ob/core";

/** So many disks find a slot of the bus by themselves, whatever else is on it. */
export const autoSlotDisks = 16;
const firstSlot = 8;
const lastSlot = 31;
const functionsPerSlot = 8;

/** How many disks a machine takes, the first one included. */
export const maxDisks = 1 + (lastSlot - firstSlot + 1) * functionsPerSlot;

/**
 * Where on the PCI bus a disk goes. A bus has 32 slots, and what else the machine has takes some: where there are many
 * disks, those after the first share slots, eight to one. The guest finds them in the same order either way.
 *
 * @param index of the disk among `count`; the guest boots from 0.
 * @returns properties for `-device`, from a comma on; nothing where QEMU chooses.
 * @throws ObError `UNSUPPORTED` for more disks than the bus has places.
 */
export function pciAddress(index: number, count: number): string {
  if (count > maxDisks) {
    throw new ObError(
      "UNSUPPORTED",
      `A step can have ${maxDisks - 1} caches at most, and this one has ${count - 1}.`,
      { hint: "Keep several directories in one cache, or split the step." },
    );
  }
  if (count <= autoSlotDisks || index === 0) return "";
  const slot = firstSlot + Math.floor((index - 1) / functionsPerSlot);
  const inSlot = (index - 1) % functionsPerSlot;
  return `,addr=0x${slot.toString(16)}.0x${inSlot},multifunction=on`;
}
