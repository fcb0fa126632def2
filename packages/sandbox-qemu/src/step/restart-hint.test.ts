import { ObError } from "@ob/core";
import { describe, expect, it } from "vitest";
import { runTask } from "../testing/run-task.ts";
import { withRestartHint } from "./restart-hint.ts";

const hintOf = (error: ObError, mayRestart = false): string | undefined => {
  const found = withRestartHint(error, { task: runTask({ mayRestart }) });
  return found instanceof ObError ? found.hint : undefined;
};
const rebooted = new ObError("GUEST_LOST", "x", { data: { shutdown: "guest-reset" } });

describe("the field of a step whose guest may restart", () => {
  it("is named by the error of a guest that restarted, or whose command was ended as by a shutdown", () => {
    const byShell = new ObError("STEP_FAILED", "x", { exitCode: 143 });
    const bySignal = new ObError("STEP_FAILED", "x", { data: { signal: "SIGTERM" } });
    for (const error of [rebooted, byShell, bySignal]) expect(hintOf(error)).toContain("(restart allowed)");
    expect(withRestartHint(byShell, { task: runTask() })).toMatchObject({
      code: "STEP_FAILED",
      exitCode: 143,
    });
  });

  it("is not named by other errors, nor by those of a step that has it", () => {
    const off = new ObError("GUEST_LOST", "x", { data: { shutdown: "guest-shutdown" } });
    const killed = new ObError("STEP_FAILED", "x", { data: { signal: "SIGKILL" } });
    for (const error of [off, killed, new ObError("STEP_FAILED", "x", { exitCode: 1 })])
      expect(hintOf(error)).toBeUndefined();
    expect(hintOf(rebooted, true)).toBeUndefined();
  });
});
