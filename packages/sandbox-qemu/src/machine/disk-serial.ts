/**
 * The serial number of a cache disk: what a guest can know it by, whatever its system calls it. All have the same length, so
 * that none is the beginning of another. 20 characters is the most that a bus transports. That of the root disk is
 * the machine's identity (`newMachineId`).
 *
 * @param index of the disk, 1 or more.
 */
export function diskSerial(index: number): string {
  return `obuilder-cache-${String(index).padStart(3, "0")}`;
}
