import { join } from "node:path";
import { assertCleanRoot, type CheckOptions, type RecipeResult } from "@ob/images/toolkit";

/** Checks that the first boot left a clean file system. The disk has no boot loader. */
export async function checkFirstBoot(_: RecipeResult, options: CheckOptions): Promise<void> {
  const { directory, smokeTestDisk, signal } = options;
  await assertCleanRoot(smokeTestDisk, { raw: join(directory, "superblock.first"), signal });
}
