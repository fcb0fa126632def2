/**
 * What a guest can know a disk by, whatever its system calls it: the disk's serial number. All have the same length,
 * so that none is the beginning of another. 20 characters is the most that a bus transports.
 *
 * @param index of the disk; the guest boots from 0.
 */
export function diskSerial(index: number): string {
  return index === 0 ? "obuilder-root" : `obuilder-cache-${String(index).padStart(3, "0")}`;
}
