import { posix } from "node:path";
import { ObError } from "@ob/core";

/**
 * @throws ObError `UNSUPPORTED` for a target that is not an absolute path, for a secret that is named as a directory is, and for a
 *   cache in place of the root directory.
 */
export function checkTarget(path: string, what: "cache" | "secret"): void {
  if (what === "cache" && path.startsWith("/") && posix.normalize(path) === "/") {
    throw new ObError(
      "UNSUPPORTED",
      `A cache cannot take the place of the root directory: ${JSON.stringify(path)}`,
    );
  }
  if (path.startsWith("/") && (what === "cache" || !path.endsWith("/"))) return;
  throw new ObError(
    "UNSUPPORTED",
    `The target of a ${what} must be an absolute path: ${JSON.stringify(path)}`,
  );
}
