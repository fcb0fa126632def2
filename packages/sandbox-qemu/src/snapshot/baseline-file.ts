import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoCode, partialBeside } from "@ob/core";

/** See `Snapshot.baselineFile`. */
export interface BaselineFile {
  /** Undefined if no baseline was written yet. */
  read(): Promise<string | undefined>;
  /** Best effort: neither a snapshot that was removed meanwhile nor a full disk is an error. */
  write(baseline: string): Promise<void>;
}

/** It has a new number with each change of what a ready guest is like, or of what its baseline lists. */
const baselineName = "baseline-6";

/** The baseline in a snapshot's directory. */
export function baselineFileIn(directory: string): BaselineFile {
  const file = join(directory, baselineName);
  return {
    read: async () =>
      await readFile(file, "utf8").catch((error: unknown) => {
        if (errnoCode(error) === "ENOENT") return undefined;
        throw error;
      }),
    write: async (baseline) => {
      const draft = await partialBeside(file);
      try {
        await writeFile(draft, baseline, { flush: true, mode: 0o600 });
        await rename(draft, file);
      } catch (error) {
        if (errnoCode(error) === undefined) throw error;
        await rm(draft, { force: true });
      }
    },
  };
}
