import { access, constants } from "node:fs/promises";
import { isFile, ObError } from "@ob/core";
import type { Machine, QemuOption } from "./machine.ts";

/** The firmware files of a machine that do not exist, each with its Debian package. */
export async function missingFirmware({
  firmware,
}: Pick<Machine, "firmware">): Promise<readonly { readonly file: string; readonly debian: string }[]> {
  const missing = [];
  for (const [file, debian] of firmware.files) {
    if (!(await isFile(file))) missing.push({ file, debian });
  }
  return missing;
}

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
