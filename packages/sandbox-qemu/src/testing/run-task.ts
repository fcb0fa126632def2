import type { RunTask } from "@ob/core";
import type { MountTask } from "../guest/mount-task.ts";

/** A task that runs `true`, with changes. Its caches are mounted in their order. */
export function runTask(changes: Partial<RunTask> = {}): MountTask {
  const { caches = [] } = changes;
  return {
    kind: "run",
    command: "true",
    shell: [],
    workdir: "/",
    user: undefined,
    environment: [],
    network: "none",
    secrets: [],
    ...changes,
    caches: caches.map((cache, index) => ({ ...cache, index })),
  };
}
