import { access, constants } from "node:fs/promises";
import { ObError } from "@ob/core";
import type { Machine, QemuOption } from "./machine.ts";

/**
 * Sees that the firmware which QEMU is told to load is there: QEMU's own message names a path and no package.
 *
 * @throws ObError `MISSING_TOOL`.
 */
export async function assertFirmware(machine: Machine, options: readonly QemuOption[]): Promise<void> {
  for (const [, file] of options) {
    const debian = machine.firmware.files.get(file);
    if (debian === undefined) continue;
    try {
      await access(file, constants.R_OK);
    } catch (cause) {
      throw new ObError("MISSING_TOOL", `The firmware ${file} of ${machine.arch} guests is not installed.`, {
        hint: `On Debian or Ubuntu: sudo apt-get install ${debian}`,
        cause,
      });
    }
  }
}
