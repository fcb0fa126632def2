import * as scripts from "./scripts.generated.ts";

/** A script for root that does what `GuestProfile.unpack` must. @param tar the program. */
export function unpackScript(tar: string): string {
  return `tar=${tar}\n${scripts.unpack}`;
}
