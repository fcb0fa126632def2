import { findProgram, missingTool } from "@ob/core";

/**
 * Checks that programs are installed, so that long work does not start only to fail for a missing one.
 *
 * @throws ObError `MISSING_TOOL` for the first missing program.
 */
export async function assertTools(names: readonly string[]): Promise<void> {
  for (const name of names) {
    if ((await findProgram(name)) === undefined) throw missingTool(name);
  }
}
