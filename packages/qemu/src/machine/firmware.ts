import { access, constants } from "node:fs/promises";
import { ObError } from "@ob/core";
import type { Machine, QemuOption } from "./machine.ts";

/**
 * Checks that the firmware files exist, since QEMU's own message does not name the package.
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
