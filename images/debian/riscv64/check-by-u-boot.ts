import { join } from "node:path";
import { assertCleanRoot, type CheckOptions, type RecipeResult } from "@ob/images/toolkit";
import { bootDebian, temporaryDisk } from "../boot.ts";

/**
 * Checks that the first boot left a clean file system, and boots once more by U-Boot, as the original OBuilder does.
 */
export async function checkByUBoot(result: RecipeResult, options: CheckOptions): Promise<void> {
  const { directory, smokeTestDisk, signal } = options;
  await assertCleanRoot(smokeTestDisk, { raw: join(directory, "superblock.first"), signal });
  const disk = await temporaryDisk(result.disk, options);
  {
    await using guest = await bootDebian({ ...options, disk, guestArch: "riscv64" });
    await guest.powerOff();
  }
  await assertCleanRoot(disk, { raw: join(directory, "superblock.second"), signal });
}
