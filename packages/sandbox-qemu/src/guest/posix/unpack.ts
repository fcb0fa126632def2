import * as scripts from "./scripts.generated.ts";

/**
 * A script for root that implements `GuestProfile.unpack`.
 *
 * @param tar the program to run.
 */
export function unpackScript(tar: string): string {
  return `tar=${tar}\n${scripts.unpack}`;
}
