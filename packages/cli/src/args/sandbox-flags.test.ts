import { describe, expect, it } from "vitest";
import { readSandboxFlags } from "./sandbox-flags.ts";

describe("readSandboxFlags", () => {
  it("has the original's defaults", () => {
    expect(readSandboxFlags({})).toEqual({
      memoryMib: 2048,
      cpus: 2,
      guestOs: undefined,
      guestProfiles: [],
      guestArch: undefined,
      bootTimeSeconds: 120,
      accelerator: "auto",
      network: "auto",
      confinement: "auto",
      allowHostLoopback: false,
      sshKey: undefined,
      diskSize: undefined,
      snapshotCacheSize: 2 * 2 ** 30,
      vmReuse: "auto",
      hardware: { diskBus: undefined, machine: undefined, cpu: undefined, arguments: [] },
    });
  });

  it("reads the original's flags, memory in gibibytes", () => {
    const flags = readSandboxFlags({
      "qemu-memory": "16",
      "qemu-cpus": "8",
      "qemu-guest-os": "windows",
      "qemu-guest-arch": "riscv64",
      "qemu-boot-time": "60",
    });
    expect(flags).toMatchObject({ memoryMib: 16 * 1024, cpus: 8, bootTimeSeconds: 60 });
    expect(flags).toMatchObject({ guestOs: "windows", guestArch: "riscv64" });
    const archOf = (name: string) => readSandboxFlags({ "qemu-guest-arch": name }).guestArch;
    expect(["x86_64", "aarch64", "386", "ppc64le", "armhf"].map(archOf)).toEqual([
      "amd64",
      "arm64",
      "i386",
      "ppc64el",
      "armhf",
    ]);
    expect(() => archOf("arm65")).toThrow("--qemu-guest-arch takes amd64, arm64, armhf");
  });

  it("takes another guest OS if a profile is given that may have it", () => {
    const args = { "qemu-guest-os": "plan9", "guest-profile": ["./plan9.ts"] };
    expect(readSandboxFlags(args)).toMatchObject({ guestOs: "plan9", guestProfiles: ["./plan9.ts"] });
    expect(() => readSandboxFlags({ ...args, "guest-profile": [] })).toThrow(
      '--qemu-guest-os takes linux, openbsd, windows, not "plan9".',
    );
    expect(() => readSandboxFlags({ ...args, "qemu-guest-os": "../x" })).toThrow(/--qemu-guest-os takes/);
  });

  it("reads whether VMs are reused always; that they never are is no matter of the sandbox", () => {
    expect(readSandboxFlags({ "vm-reuse": "always" }).vmReuse).toBe("always");
    expect(readSandboxFlags({ "vm-reuse": "never" }).vmReuse).toBe("auto");
    expect(() => readSandboxFlags({ "vm-reuse": "alwys" })).toThrow(/--vm-reuse takes auto, always, never/);
  });

  it("reads deviations from the usual machine", () => {
    const args = { "qemu-disk-bus": "sata", "qemu-cpu": "max", "qemu-arg": ["-device", "usb-ehci"] };
    expect(readSandboxFlags(args).hardware).toEqual({
      diskBus: "sata",
      machine: undefined,
      cpu: "max",
      arguments: ["-device", "usb-ehci"],
    });
    expect(() => readSandboxFlags({ "qemu-disk-bus": "stat" })).toThrow(
      /--qemu-disk-bus takes virtio, sata, ide/,
    );
  });

  it("reads how steps are connected with the network", () => {
    const args = { "qemu-network": "slirp", "allow-host-loopback": true };
    expect(readSandboxFlags(args)).toMatchObject({ network: "slirp", allowHostLoopback: true });
    expect(() => readSandboxFlags({ "qemu-network": "past" })).toThrow(
      '--qemu-network takes auto, passt, slirp, not "past".',
    );
  });

  it("reads how QEMU is confined, by default as far as the host permits", () => {
    expect(readSandboxFlags({}).confinement).toBe("auto");
    expect(readSandboxFlags({ "qemu-confinement": "off" }).confinement).toBe("off");
    expect(() => readSandboxFlags({ "qemu-confinement": "none" })).toThrow(
      "--qemu-confinement takes auto, off",
    );
  });

  it("takes sizes with units", () => {
    expect(readSandboxFlags({ "qemu-memory": "512M", "qemu-disk-size": "40G" })).toMatchObject({
      memoryMib: 512,
      diskSize: 40 * 2 ** 30,
    });
  });

  it("takes a size of 0 where that means none", () => {
    expect(readSandboxFlags({ "snapshot-cache-size": "0" }).snapshotCacheSize).toBe(0);
    expect(readSandboxFlags({ "snapshot-cache-size": "512M" }).snapshotCacheSize).toBe(2 ** 29);
    expect(() => readSandboxFlags({ "snapshot-cache-size": "none" })).toThrow(
      /--snapshot-cache-size: invalid size "none"/,
    );
  });

  it("has the boot time of the original for KVM, and a longer one otherwise", () => {
    expect(readSandboxFlags({ "qemu-accel": "kvm" }).bootTimeSeconds).toBe(30);
    expect(readSandboxFlags({ "qemu-accel": "tcg" }).bootTimeSeconds).toBe(120);
    expect(readSandboxFlags({ "qemu-boot-time": "2m" }).bootTimeSeconds).toBe(120);
  });

  it.each([
    [{ "qemu-memory": "lots" }, "--qemu-memory: invalid size"],
    [{ "qemu-memory": "0" }, "--qemu-memory: invalid size"],
    [{ "qemu-cpus": "0" }, "--qemu-cpus: invalid number"],
    [{ "qemu-cpus": "2.5" }, "--qemu-cpus: invalid number"],
    [{ "qemu-boot-time": "0" }, "--qemu-boot-time: invalid number"],
    [{ "qemu-boot-time": "soon" }, "--qemu-boot-time: invalid duration"],
    [{ "qemu-guest-os": "plan9" }, "--qemu-guest-os takes linux, openbsd, windows"],
  ])("refuses %j", (args, message) => {
    expect(() => readSandboxFlags(args)).toThrow(message);
  });

  it("suggests the nearest value", () => {
    expect(() => readSandboxFlags({ "qemu-guest-os": "widnows" })).toThrow(
      expect.objectContaining({ code: "USAGE", hint: "Did you mean windows?" }),
    );
  });
});
