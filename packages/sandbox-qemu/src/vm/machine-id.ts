import { randomBytes } from "node:crypto";

/**
 * A new identity for a virtual machine, that no other has: the serial number of its root disk, and of the machine in its
 * SMBIOS tables. 20 characters, the most that a disk's serial number has; 64 bits of them are random.
 *
 * A guest that is resumed from a snapshot still has the SMBIOS tables of the machine that was saved, since these are in
 * its memory. A disk is asked for its serial number each time, so that is always the running machine's.
 */
export function newMachineId(): string {
  return `obuilder-${randomBytes(8).toString("base64url")}`;
}
