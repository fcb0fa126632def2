import { findProgram, missingTool } from "@ob/core";

/**
 * Sees that programs are there before the long work starts that would fail for them.
 *
 * @throws ObError `MISSING_TOOL` for the first that is not.
 */
export async function assertTools(names: readonly string[]): Promise<void> {
  for (const name of names) {
    if ((await findProgram(name)) === undefined) throw missingTool(name);
  }
}
