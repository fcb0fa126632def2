import { isObError } from "@ob/core";
import { registryError } from "../errors.ts";

/** Marks the error for a manifest that says something else than it must: no other request would help. */
export function asMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isObError(error, "REGISTRY")) throw error;
    const { message, hint } = error;
    throw registryError(message, { hint, cause: error, data: { problem: "malformed" } });
  }
}

/** True for an error of `asMalformed`. */
export function isMalformed(error: unknown): boolean {
  return isObError(error, "REGISTRY") && error.data?.["problem"] === "malformed";
}
