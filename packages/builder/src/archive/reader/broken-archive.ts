import { ObError } from "@ob/core";

/** The error for an archive that cannot be read, or that must not be unpacked. @param reason completes the sentence. */
export function brokenArchive(reason: string): ObError {
  return new ObError("BAD_SOURCE", `The guest's tar wrote a broken archive: ${reason}.`, {
    hint: "Check the guest's tar, and the files that it reads.",
  });
}
