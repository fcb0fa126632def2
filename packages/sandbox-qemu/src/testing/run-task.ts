import type { RunTask } from "@ob/core";

/** A task that runs `true`, with changes. */
export function runTask(changes: Partial<RunTask> = {}): RunTask {
  return {
    kind: "run",
    command: "true",
    shell: [],
    workdir: "/",
    user: undefined,
    environment: [],
    network: "none",
    caches: [],
    secrets: [],
    ...changes,
  };
}
