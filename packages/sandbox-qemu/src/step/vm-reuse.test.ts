import { layerId, type SandboxStep, sha256 } from "@ob/core";
import { describe, expect, it } from "vitest";
import { amd64, type VmConfig } from "@ob/qemu";
import { linuxGuest } from "../guest/linux/profile.ts";
import { openbsdGuest } from "../guest/openbsd/profile.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import { capturedState } from "../testing/captured-state.ts";
import { testCaches } from "../testing/caches.ts";
import { runTask } from "../testing/run-task.ts";
import { canExchangeCaches } from "./reused-caches.ts";
import { captureBaseline, hasLostShell, networkOf, whyNotKept } from "./vm-reuse.ts";

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
    const vm = { config: { ...vmConfig, disks: caches } } as unknown as GuestSession["vm"];
    const profile = openbsdGuest("opam");
    expect(canExchangeCaches({ vm, profile: linuxGuest("opam") }, caches)).toBe(true);
    expect(canExchangeCaches({ vm, profile }, caches)).toBe(false);
    expect(canExchangeCaches({ vm, profile }, [])).toBe(true);
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

const unit = "unit: session-1.scope loaded active running\n";
const ofLogin = (inode: number) => `stat: 81a4 0 0 0:0 240 ${inode} 400 400 /run/systemd/sessions/1\n`;

/** Captures the baseline of a VM of a snapshot. The guest prints these outputs, one for each of its commands. */
async function capture(outputs: readonly string[], stored: string | undefined) {
  const left = outputs.values();
  let kept = stored;
  const running = {
    vm: { config: { hardware: {} } },
    profile: linuxGuest("opam"),
    shell: {
      isOpen: true,
      run: () => ({ status: { kind: "exited", code: 0 }, stdout: left.next().value ?? "", stderr: "" }),
    },
    bootInfo: "processes: 1\nclock: 1795475300\n",
    baselineFile: { read: async () => kept, write: async (text: string) => void (kept = text) },
    startedAt: new Date(300_000),
  } as unknown as GuestSession;
  const { shell } = running;
  const connection = { session: running.session, shell, signal: new AbortController().signal };
  const decision = await captureBaseline(running, { connection, caches: [] });
  return { decision, kept, unused: [...left] };
}

describe("the baseline beside a snapshot", () => {
  const first = capturedState + unit + ofLogin(7);
  const inMemory = (inode: number) =>
    capturedState.replaceAll(/^(?!\/proc\/self\/mountinfo|stat: .* \/run).*\n/gm, "") + ofLogin(inode);

  it("of a guest with systemd serves its other VMs, with the files of their own logins", async () => {
    const { kept } = await capture([first], undefined);
    expect(kept).toBe(first);
    const { decision, unused } = await capture([inMemory(8), "not asked"], kept);
    expect(unused).toEqual(["not asked"]);
    if (decision.kind !== "keep") throw new Error(decision.reason);
    expect(decision.baseline.diff(capturedState + unit + ofLogin(8))).toBeUndefined();
    expect(decision.baseline.diff(first)).toBe("/run/systemd/sessions/1 (inode)");
  });

  it("is captured anew if the files of the login are not what they should be", async () => {
    const { decision, kept } = await capture(["stat: nonsense", capturedState + unit + ofLogin(9)], first);
    expect(decision.kind).toBe("keep");
    expect(kept).toBe(capturedState + unit + ofLogin(9));
  });

  it("of another guest is not kept if a login has made files in memory", async () => {
    const { decision, kept } = await capture([capturedState + ofLogin(7)], undefined);
    expect(decision.kind).toBe("keep");
    expect(kept).toBeUndefined();
  });
});
