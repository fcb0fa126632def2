import { layerId, type SandboxStep, sha256 } from "@ob/core";
import { describe, expect, it } from "vitest";
import { networkOf, whyNotKept } from "./vm-reuse.ts";
import { runTask } from "../testing/run-task.ts";

const image = { manifest: undefined, manifestDirectory: "/images" };
const step = (task: SandboxStep["task"]): SandboxStep => ({
  layer: layerId(sha256("a layer")),
  disk: "/disk.qcow2",
  image,
  task,
});
const copy = step({ kind: "copy", user: undefined, openArchive: () => process.stdin });
const secrets = [{ target: "/run/secrets/key", contents: Buffer.from("secret") }];

describe("a virtual machine", () => {
  it("is kept for the next step after a command without secrets and network, and after a copy", () => {
    expect(whyNotKept(step(runTask()))).toBeUndefined();
    expect(whyNotKept(copy)).toBeUndefined();
  });

  it("is not kept after a step with secrets, with a network, or whose guest may restart", () => {
    expect(whyNotKept(step(runTask({ secrets })))).toBe("the step had secrets");
    expect(whyNotKept(step(runTask({ network: "host" })))).toBe("the step had a network");
    expect(whyNotKept(step(runTask({ mayRestart: true })))).toBe("the step may restart its guest");
  });

  it("has no network for a copy", () => {
    expect([copy, step(runTask()), step(runTask({ network: "host" }))].map(networkOf)).toEqual([
      "none",
      "none",
      "host",
    ]);
  });
});
