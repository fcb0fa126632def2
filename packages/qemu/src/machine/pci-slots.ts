/** Up to this number of disks, QEMU finds a free slot for each, whatever else is on the bus. */
export const autoSlotDisks = 16;
const firstSlot = 8;
const lastSlot = 31;
const functionsPerSlot = 8;

/** How many disks a VM can have, including the root disk. */
export const maxDisks = 1 + (lastSlot - firstSlot + 1) * functionsPerSlot;

/**
 * The PCI address of a disk. A bus has 32 slots, some of which are taken by other devices: if there are many disks, those
 * after the first share slots, eight to a slot. The guest enumerates them in the same order either way.
 *
 * @param index of the disk among `count`, at most `maxDisks`; 0 is the root disk.
 * @returns properties for `-device`, starting with a comma; empty if QEMU chooses.
 */
export function pciAddress(index: number, count: number): string {
  if (count <= autoSlotDisks || index === 0) return "";
  const slot = firstSlot + Math.floor((index - 1) / functionsPerSlot);
  const inSlot = (index - 1) % functionsPerSlot;
  return `,addr=0x${slot.toString(16)}.0x${inSlot},multifunction=on`;
}
