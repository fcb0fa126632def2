import { posix } from "node:path";
import { type CacheMount, ObError, type RunTask } from "@ob/core";
import type { MountTask } from "./mount-task.ts";
import type { GuestProfile } from "./profile.ts";

/** @throws ObError `UNSUPPORTED` if two caches have the same target. */
export function inMountOrder(task: RunTask, profile: GuestProfile): MountTask {
  const canonical = profile.canonicalTarget ?? ((target: string) => posix.normalize(target));
  const caches = task.caches.map((cache, index) => ({ ...cache, target: withoutEnd(cache.target), index }));
  return ordered(
    { ...task, caches },
    caches.map(({ target }) => withoutEnd(canonical(target))),
  );
}

/**
 * The caches at the directories that their targets lead to, in the order for these.
 *
 * @param report what `GuestProfile.realTargets` printed. It is only used in the same guest: at worst that hides a cache from
 *   itself.
 * @throws ObError `CACHE` if two targets lead to the same directory.
 */
export function inRealOrder(task: MountTask, report: string): MountTask {
  const targets = report
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => withoutEnd(posix.normalize(line)));
  // A name with a newline in it, or a shell that prints something else.
  if (targets.length !== task.caches.length || targets.some((target) => !target.startsWith("/"))) return task;
  const caches = task.caches.map((cache, index) => ({ ...cache, target: targets[index] ?? cache.target }));
  return ordered({ ...task, caches }, targets, "CACHE");
}

function ordered(
  task: MountTask,
  targets: readonly string[],
  code: "UNSUPPORTED" | "CACHE" = "UNSUPPORTED",
): MountTask {
  const seen = new Map<string, CacheMount>();
  const caches = task.caches.map((cache, position) => {
    const place = targets[position] ?? cache.target;
    const other = seen.get(place);
    if (other) {
      throw new ObError(
        code,
        `The caches ${other.name} and ${cache.name} have the same target in the guest: ${place}`,
        { hint: "Give each cache a target of its own." },
      );
    }
    seen.set(place, cache);
    return { cache, depth: place.split(/[/\\]+/).length };
  });
  return { ...task, caches: caches.toSorted((a, b) => a.depth - b.depth).map(({ cache }) => cache) };
}

/** A path without the slashes at its end. */
function withoutEnd(path: string): string {
  return path.replace(/(?<=.)\/+$/s, "");
}
