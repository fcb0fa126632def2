import { diskSerial } from "../disk-serial.ts";

/**
 * The arguments by which the guest finds a disk: its serial number, or else its device letters. Index 0 is the root disk.
 */
export function diskArgs(index: number): readonly [serial: string, letters: string] {
  return [diskSerial(index), diskLetters(index)];
}

/** The letters of a disk's device name: `b` for `vdb`. `vdz` is followed by `vdaa`. */
export function diskLetters(index: number): string {
  const letters = 26;
  let name = "";
  for (let left = index; left >= 0; left = Math.floor(left / letters) - 1) {
    name = String.fromCodePoint(0x61 + (left % letters)) + name;
  }
  return name;
}
