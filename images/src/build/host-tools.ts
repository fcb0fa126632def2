import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { env } from "node:process";
import { missingTool } from "@ob/core";

/**
 * Sees that programs are there before the long work starts that would fail for them.
 *
 * @throws ObError `MISSING_TOOL` for the first that is not.
 */
export async function assertTools(names: readonly string[]): Promise<void> {
  const directories = [...(env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  for (const name of names) {
    const tries = directories.map((directory) => access(join(directory, name), constants.X_OK));
    const outcomes = await Promise.allSettled(tries);
    if (!outcomes.some(({ status }) => status === "fulfilled")) throw missingTool(name);
  }
}
