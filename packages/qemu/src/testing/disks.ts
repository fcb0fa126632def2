import type { DataDisk } from "../argv/qemu-argv.ts";

/** Disks with the files `/disk1`, `/disk2` and so on. */
export function testDisks(count: number): readonly DataDisk[] {
  return Array.from({ length: count }, (_, n) => ({
    node: `disk${n + 1}`,
    serial: `serial-00${n + 1}`,
    file: `/disk${n + 1}`,
  }));
}
