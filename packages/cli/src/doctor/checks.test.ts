import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ConfinementStatus, QemuDiagnosis } from "@ob/sandbox-qemu";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import type { Check } from "./check.ts";
import { confinementChecks } from "./confinement-checks.ts";
import { type Host, hostChecks } from "./host-checks.ts";
import { networkCheck, qemuChecks } from "./qemu-checks.ts";
import { storeChecks } from "./store-checks.ts";

const files: Readonly<Record<string, string>> = {
  "/proc/self/cgroup": "0::/user.slice/build\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
  "/sys/fs/cgroup/user.slice/build/memory.max": "max\n",
  "/proc/sys/kernel/randomize_va_space": "2\n",
  "/proc/cmdline": "root=/dev/sda1\n",
};

const goodHost: Host = {
  platform: "linux",
  nodeVersion: "24.21.0",
  uid: 1000,
  memory: { total: 2 ** 34, free: 2 ** 33 },
  hasProgram: async () => true,
  read: async (file) => files[file],
  mayWrite: async () => true,
};

function named(checks: readonly Check[], name: string): Check | undefined {
  return checks.find((check) => check.name === name);
}

describe("the checks of the host", () => {
  it("are all fine on a host that has everything", async () => {
    const checks = await hostChecks(goodHost);
    expect(checks.filter(({ state }) => state !== "ok")).toEqual([]);
  });

  it("fail without what builds need, and name the packages", async () => {
    const missing = new Set(["qemu-img", "mke2fs", "xz"]);
    const host = {
      ...goodHost,
      nodeVersion: "22.1.0",
      hasProgram: async (name: string) => !missing.has(name),
    };
    const checks = await hostChecks(host);
    expect(named(checks, "programs")).toEqual({
      name: "programs",
      state: "failure",
      text: "not installed: qemu-img, mke2fs",
      help: "On Debian or Ubuntu: sudo apt-get install qemu-utils e2fsprogs",
    });
    expect(named(checks, "Node.js")?.state).toBe("failure");
    expect(named(checks, "image tools")).toMatchObject({ state: "warning", text: "not installed: xz" });
  });

  it("warn of what weakens the protection of the host", async () => {
    const changed: Readonly<Record<string, string>> = {
      "/proc/sys/kernel/randomize_va_space": "0\n",
      "/proc/cmdline": "nokaslr\n",
    };
    const checks = await hostChecks({ ...goodHost, read: async (file) => changed[file] });
    const warnings = checks.filter(({ state }) => state === "warning").map(({ name }) => name);
    expect(warnings).toEqual(["cgroups", "ASLR, KASLR"]);
    expect(named(checks, "ASLR, KASLR")?.text).toBe("off for programs and the kernel");
  });

  it("say how much memory the control group allows", async () => {
    const file = "/sys/fs/cgroup/user.slice/build/memory.max";
    const read = async (name: string) => (name === file ? `${2 ** 31}\n` : files[name]);
    const checks = await hostChecks({ ...goodHost, read, mayWrite: async () => false });
    expect(named(checks, "cgroups")?.text).toMatch(/^version 2, not delegated, memory limited to 2/);
  });
});

const found: QemuDiagnosis = {
  arch: "amd64",
  binary: "qemu-system-x86_64",
  version: "7.2.22",
  accelerator: { name: "kvm", why: "verified to run a guest" },
  missing: [],
  missingFirmware: [],
  passtObstacle: undefined,
};

describe("the checks of QEMU", () => {
  it("fail without the QEMU that builds need, and warn without another", () => {
    const none = { ...found, version: undefined, accelerator: undefined };
    const [check] = qemuChecks(none, true);
    expect(check).toMatchObject({
      state: "failure",
      help: "On Debian or Ubuntu: sudo apt-get install qemu-system-x86",
    });
    expect(qemuChecks(none, false).map(({ state }) => state)).toEqual(["warning"]);
  });

  it("name the firmware and the features that are missing", () => {
    const states = (change: Partial<QemuDiagnosis>) => qemuChecks({ ...found, ...change }, true)[0];
    expect(states({ missing: ["vmgenid"] })).toMatchObject({ state: "failure", text: /lacks vmgenid/ });
    expect(states({ missingFirmware: [{ file: "/fw", debian: "opensbi" }] })).toMatchObject({
      state: "failure",
      help: "On Debian or Ubuntu: sudo apt-get install opensbi",
    });
  });

  it("warn where KVM could be used and cannot", () => {
    const kvm = (why: string) => qemuChecks({ ...found, accelerator: { name: "tcg", why } }, true)[1];
    expect(kvm("/dev/kvm is missing or cannot be opened")).toMatchObject({
      state: "warning",
      help: expect.stringContaining("usermod -aG kvm"),
    });
    expect(kvm("kvm opens, but a guest hangs")?.help).toContain("nested virtualization");
    expect(kvm("this host has no other accelerator for riscv64")?.state).toBe("ok");
  });

  it("warn where steps reach the host's loopback", () => {
    expect(networkCheck([found]).state).toBe("ok");
    const why = "passt is not installed (on Debian or Ubuntu: sudo apt-get install passt)";
    expect(networkCheck([{ ...found, passtObstacle: why }]).state).toBe("warning");
    expect(networkCheck([{ ...found, version: undefined }]).text).toContain("was not tried");
  });
});

describe("the checks of what confines QEMU", () => {
  const states = (status: ConfinementStatus, uid: number) =>
    confinementChecks(status, uid).map(({ state }) => state);

  it("are fine where QEMU sees its own files only and is not root", () => {
    const isolated = { isolated: true, obstacle: undefined };
    expect(states({ ...isolated, user: "own" }, 0)).toEqual(["ok", "ok", "ok"]);
    expect(states({ ...isolated, user: "caller" }, 1000)).toEqual(["ok", "ok", "ok"]);
  });

  it("warn of what does not hold, and say why and what to install", () => {
    const obstacle = "bubblewrap is not installed (on Debian or Ubuntu: sudo apt-get install bubblewrap)";
    const nothing = { isolated: false, user: "caller", obstacle } as const;
    expect(states(nothing, 1000)).toEqual(["warning", "ok", "ok"]);
    const [isolation, user] = confinementChecks(nothing, 0);
    const help = "On Debian or Ubuntu: sudo apt-get install bubblewrap";
    expect(isolation).toEqual({
      name: "isolation",
      state: "warning",
      text: `QEMU sees all files that you see: ${obstacle}`,
      help,
    });
    expect(user).toMatchObject({
      state: "warning",
      text: `QEMU runs as root, with all rights: ${obstacle}`,
      help,
    });
    const few = { isolated: true, user: "root without capabilities", obstacle: "too few ids" } as const;
    expect(states(few, 0)).toEqual(["ok", "warning", "ok"]);
  });

  it("say how VMs get control groups", () => {
    const status = { isolated: true, user: "caller", obstacle: undefined } as const;
    const limits = (cgroupObstacle?: string) =>
      named(confinementChecks({ ...status, cgroupObstacle }, 1000), "limits");
    expect(limits()?.text).toMatch(/^each VM has a control group/);
    expect(limits("it is not delegated")).toMatchObject({
      text: "VMs have no control groups: it is not delegated",
      help: expect.stringContaining("systemd-run --user --scope -p Delegate=yes"),
    });
  });
});

describe("the checks of a store", () => {
  it("are fine for a private one with an image, and leave nothing in it", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(path.join(directory.path, "base-image"));
    await writeFile(path.join(directory.path, "base-image", "small.qcow2"), "");
    await chmod(directory.path, 0o700);
    const before = await readdir(directory.path);
    const checks = await storeChecks(directory.path);
    expect(named(checks, "store")?.state).toBe("ok");
    expect(named(checks, "base images")).toMatchObject({ state: "ok", text: "small" });
    expect(named(checks, "file system")?.state).toBe("ok");
    expect(await readdir(directory.path)).toEqual(before);
  });

  it("warn of one that others can open, and of a missing one", async () => {
    await using directory = await temporaryDirectory();
    await chmod(directory.path, 0o755);
    const checks = await storeChecks(directory.path);
    expect(named(checks, "store")).toMatchObject({
      state: "warning",
      text: expect.stringContaining("mode 755"),
    });
    expect(named(checks, "base images")?.state).toBe("warning");
    const none = await storeChecks(path.join(directory.path, "none"));
    expect(none.map(({ state }) => state)).toEqual(["warning"]);
  });
});
