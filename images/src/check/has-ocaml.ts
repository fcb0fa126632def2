import { renderTemplate } from "../linux/initrd.ts";
import { hasOcaml as script } from "./scripts.generated.ts";

/** A script for a guest's Bourne shell. It succeeds if the login user's opam has this version of OCaml. */
export function hasOcaml(version: string): string {
  return renderTemplate(script, new Map([["VERSION", version]]));
}
