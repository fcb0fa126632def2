import { diskSerial } from "../../machine/disk-serial.ts";

/** What the guest finds a disk by: its serial number, or else its place; 0 is the root disk. */
export function diskArgs(index: number): readonly [serial: string, letters: string] {
  return [diskSerial(index), diskLetters(index)];
}

/** How the guest's kernel tells disks of one kind apart: `b` in `vdb`. After `vdz` comes `vdaa`. */
export function diskLetters(index: number): string {
  const letters = 26;
  let name = "";
  for (let left = index; left >= 0; left = Math.floor(left / letters) - 1) {
    name = String.fromCodePoint(0x61 + (left % letters)) + name;
  }
  return name;
}
