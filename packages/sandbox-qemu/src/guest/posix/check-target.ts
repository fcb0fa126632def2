import { ObError } from "@ob/core";

/**
 * @param what `cache` or `secret`.
 * @throws ObError `UNSUPPORTED` for a target that is not an absolute path.
 */
export function checkTarget(path: string, what: string): void {
  if (path.startsWith("/") && !path.endsWith("/")) return;
  throw new ObError(
    "UNSUPPORTED",
    `The target of a ${what} must be an absolute path: ${JSON.stringify(path)}`,
  );
}
