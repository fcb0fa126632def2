import { join } from "node:path";
import { type GuestArch, ObError } from "@ob/core";
import { assertCleanRoot, type CheckOptions, type RecipeResult } from "@ob/images/toolkit";
import { bootDebian, temporaryDisk } from "./boot.ts";

/** The original OBuilder's hardware. */
const hardware = { machine: "q35", diskBus: "sata", networkDevice: "e1000e" } as const;

/**
 * Checks that the first boot left a clean file system, and boots once more from the disk itself, by GRUB, with the
 * original OBuilder's hardware.
 */
export async function checkByDisk(
  result: RecipeResult,
  { guestArch = "amd64", ...options }: CheckOptions & { readonly guestArch?: GuestArch },
): Promise<void> {
  const { directory, smokeTestDisk, signal } = options;
  await assertCleanRoot(smokeTestDisk, { raw: join(directory, "superblock.first"), signal });
  const disk = await temporaryDisk(result.disk, options);
  {
    await using guest = await bootDebian({ ...options, ...hardware, disk, guestArch });
    if ((await guest.powerOff()) !== "acpi") {
      throw new ObError("BASE_IMAGE", "The new image, booted from its disk, does not shut down by ACPI.");
    }
  }
  await assertCleanRoot(disk, { raw: join(directory, "superblock.second"), signal });
}
