import { layerId, type SandboxStep, sha256 } from "@ob/core";
import { describe, expect, it } from "vitest";
import { amd64, type VmConfig } from "@ob/qemu";
import { linuxGuest } from "../guest/linux/profile.ts";
import { openbsdGuest } from "../guest/openbsd/profile.ts";
import { testCaches } from "../testing/caches.ts";
import { hasLostShell, networkOf, supportsCacheHotplug, whyNotKept } from "./vm-reuse.ts";
import { runTask } from "../testing/run-task.ts";

const image = { manifest: undefined, manifestDirectory: "/images" };
const step = (task: SandboxStep["task"]): SandboxStep => ({
  layer: layerId(sha256("a layer")),
  disk: "/disk.qcow2",
  image,
  task,
});
const copy = step({ kind: "copy", user: undefined, openArchive: () => process.stdin });
const vmConfig: VmConfig = {
  ...{ machine: amd64, accelerator: "tcg", memoryMib: 64, cpus: 1, rootDisk: "/disk.qcow2", disks: [] },
  ...{ network: "none", directBoot: undefined, hardware: {} },
};
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

  it("cannot be kept with caches if its guest does not see disks come and go", () => {
    const caches = testCaches(1);
    const config = { ...vmConfig, disks: caches };
    const { vmReuse } = openbsdGuest("opam");
    expect(supportsCacheHotplug(config, { caches, vmReuse: linuxGuest("opam").vmReuse })).toBe(true);
    expect(supportsCacheHotplug(config, { caches, vmReuse })).toBe(false);
    expect(supportsCacheHotplug(config, { caches: [], vmReuse })).toBe(true);
  });

  it("needs the persistent root shell of guests that have one", () => {
    expect(hasLostShell(linuxGuest("opam"), undefined)).toBe(true);
    expect(hasLostShell(openbsdGuest("opam"), undefined)).toBe(false);
  });

  it("has no network for a copy", () => {
    expect([copy, step(runTask()), step(runTask({ network: "host" }))].map(networkOf)).toEqual([
      "none",
      "none",
      "host",
    ]);
  });
});
