import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "@ob/core";

/** See `Template.note`. */
export interface BaselineFile {
  /** Undefined if nothing was noted yet. */
  read(): Promise<string | undefined>;
  /** A template that was removed meanwhile keeps nothing, nor does a full disk: no step fails for it. */
  keep(note: string): Promise<void>;
}

/** The note in a template's directory. */
export function baselineFileIn(directory: string): BaselineFile {
  const file = join(directory, "note");
  return {
    read: async () =>
      await readFile(file, "utf8").catch((error: unknown) => {
        if (systemCode(error) === "ENOENT") return undefined;
        throw error;
      }),
    keep: async (note) => {
      const draft = `${file}.${randomUUID()}`;
      try {
        await writeFile(draft, note, { flush: true, mode: 0o600 });
        await rename(draft, file);
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        await rm(draft, { force: true });
      }
    },
  };
}
