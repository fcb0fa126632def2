/**
 * The serial number of a cache disk, by which a guest finds it, whatever its operating system calls it. All have the same
 * length, so that none is a prefix of another. 20 characters is the limit of virtio. The serial number of the root disk is
 * the machine id (`newMachineId`).
 *
 * @param index of the disk, 1 or more.
 */
export function diskSerial(index: number): string {
  return `obuilder-cache-${String(index).padStart(3, "0")}`;
}
