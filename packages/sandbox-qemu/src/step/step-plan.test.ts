import { expect, it } from "vitest";
import { runTask } from "../testing/run-task.ts";
import { assertRestartable } from "./step-plan.ts";

it("a step whose guest may restart has neither caches nor secrets", () => {
  const secrets = [{ target: "/s", contents: Buffer.from("s") }];
  const caches = [{ name: "c", disk: "/c.qcow2", formatted: true, target: "/c", index: 0 }];
  for (const mounts of [{ secrets }, { caches }]) {
    expect(() => assertRestartable(runTask({ ...mounts, mayRestart: true }))).toThrow(
      /cannot have caches or secrets/,
    );
    expect(() => assertRestartable(runTask(mounts))).not.toThrow();
  }
  expect(() => assertRestartable(runTask({ mayRestart: true }))).not.toThrow();
});
