import { posix } from "node:path";
import { ObError, type RunTask } from "@ob/core";

/**
 * @throws ObError `UNSUPPORTED` if two caches or secrets of a step have one target: one would hide the other.
 */
export function checkMounts({ caches, secrets }: Pick<RunTask, "caches" | "secrets">): void {
  const seen = new Set<string>();
  for (const { target } of [...caches, ...secrets]) {
    const path = normalized(target);
    if (seen.has(path)) {
      throw new ObError(
        "UNSUPPORTED",
        `Two caches or secrets of this step have the target ${JSON.stringify(target)}.`,
        { hint: "Each needs a path of its own: one would hide the other." },
      );
    }
    seen.add(path);
  }
}

/** Two spellings of one path are one target. On Windows, whose paths have a drive, case does not matter. */
function normalized(target: string): string {
  const hasDrive = /^[a-z]:/i.test(target);
  const path = hasDrive ? target.replaceAll("\\", "/").toLowerCase() : target;
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}
