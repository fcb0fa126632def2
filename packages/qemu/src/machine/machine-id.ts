import { randomBytes } from "node:crypto";

/**
 * Matches any id that `newMachineId` makes, and not the serial number of a cache or copy disk. Nothing need follow it: Linux
 * prints the serial numbers of disks without a newline.
 */
export const machineIdPattern = /obuilder-(?!cache-|copy-)[\w-]{11}/;

/**
 * A new unique id for a VM: the serial number of its root disk, and of the machine in its SMBIOS tables. It has 20
 * characters, the limit for the serial number of a disk; 64 of its bits are random.
 *
 * A guest that is resumed from a snapshot still has the SMBIOS tables of the VM that was saved, since these are in its
 * memory. The serial number of a disk is read from the device, so it is always that of the running VM.
 */
export function newMachineId(): string {
  return `obuilder-${randomBytes(8).toString("base64url")}`;
}
