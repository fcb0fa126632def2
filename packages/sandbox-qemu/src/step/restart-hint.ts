import { isObError, ObError, type SandboxStep } from "@ob/core";

/** The error of a step; where it comes from a restart of the guest, with the field of the spec that allows that. */
export function withRestartHint(error: unknown, { task }: Pick<SandboxStep, "task">): unknown {
  if (task.kind !== "run" || task.mayRestart === true || !isObError(error)) return error;
  const { code, message, exitCode, data } = error;
  const has = (hint: string): ObError => new ObError(code, message, { hint, exitCode, data, cause: error });
  if (code === "GUEST_LOST" && data?.["shutdown"] === "guest-reset") return has(restartHint);
  const terminated = exitCode === 143 || /^(?:SIG)?TERM$/.test(data?.["signal"] ?? "");
  return code === "STEP_FAILED" && terminated
    ? has(`A guest that restarts ends its commands in this way. ${restartHint}`)
    : error;
}

const restartHint =
  "A step whose guest may restart says so: (run (restart allowed) (shell COMMAND)). It ends when the guest is back.";
