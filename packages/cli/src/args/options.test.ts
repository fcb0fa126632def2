import { describe, expect, it } from "vitest";
import { readColorMode, readProgressMode, readSandboxFlags, readVerbosity } from "./options.ts";

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
      sshKey: undefined,
      diskSize: undefined,
      templateSpace: 2 * 2 ** 30,
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
  });

  it("takes another guest OS where a profile is given that may know it", () => {
    const args = { "qemu-guest-os": "plan9", "guest-profile": ["./plan9.ts"] };
    expect(readSandboxFlags(args)).toMatchObject({ guestOs: "plan9", guestProfiles: ["./plan9.ts"] });
    expect(() => readSandboxFlags({ ...args, "guest-profile": [] })).toThrow(
      '--qemu-guest-os takes linux, openbsd, windows, not "plan9".',
    );
    expect(() => readSandboxFlags({ ...args, "qemu-guest-os": "../x" })).toThrow(/--qemu-guest-os takes/);
  });

  it("says where the machine must be another than usual", () => {
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

  it("takes sizes with units", () => {
    expect(readSandboxFlags({ "qemu-memory": "512M", "qemu-disk-size": "40G" })).toMatchObject({
      memoryMib: 512,
      diskSize: 40 * 2 ** 30,
    });
  });

  it("takes a size of 0 where that means none", () => {
    expect(readSandboxFlags({ "template-space": "0" }).templateSpace).toBe(0);
    expect(readSandboxFlags({ "template-space": "512M" }).templateSpace).toBe(2 ** 29);
    expect(() => readSandboxFlags({ "template-space": "none" })).toThrow(/--template-space wants a size/);
  });

  it("waits for a guest as long as the original where KVM is demanded, and longer otherwise", () => {
    expect(readSandboxFlags({ "qemu-accel": "kvm" }).bootTimeSeconds).toBe(30);
    expect(readSandboxFlags({ "qemu-accel": "tcg" }).bootTimeSeconds).toBe(120);
    expect(readSandboxFlags({ "qemu-boot-time": "2m" }).bootTimeSeconds).toBe(120);
  });

  it.each([
    [{ "qemu-memory": "lots" }, "--qemu-memory wants a size"],
    [{ "qemu-memory": "0" }, "--qemu-memory wants a size"],
    [{ "qemu-cpus": "0" }, "--qemu-cpus wants a whole number from 1 on"],
    [{ "qemu-cpus": "2.5" }, "--qemu-cpus wants a whole number from 1 on"],
    [{ "qemu-boot-time": "0" }, "--qemu-boot-time wants a whole number from 1 on"],
    [{ "qemu-boot-time": "soon" }, "--qemu-boot-time wants a time span"],
    [{ "qemu-guest-os": "plan9" }, "--qemu-guest-os takes linux, openbsd, windows"],
  ])("refuses %j", (args, message) => {
    expect(() => readSandboxFlags(args)).toThrow(message);
  });

  it("suggests the word that was meant", () => {
    expect(() => readSandboxFlags({ "qemu-guest-os": "widnows" })).toThrow(
      expect.objectContaining({ code: "USAGE", hint: "Did you mean windows?" }),
    );
  });
});

describe("readVerbosity", () => {
  it.each([
    [{}, "warning"],
    [{ verbose: 1 }, "info"],
    [{ verbose: 2 }, "debug"],
    [{ verbose: 7 }, "debug"],
    [{ verbosity: "error" }, "error"],
    [{ verbosity: "debug", verbose: 1 }, "debug"],
    [{ quiet: true, verbosity: "debug", verbose: 2 }, "quiet"],
  ])("of %j is %s", (args, verbosity) => {
    expect(readVerbosity(args)).toBe(verbosity);
  });
});

it("knows the words of --color and --progress", () => {
  expect(readColorMode({ color: "never" })).toBe("never");
  expect(readProgressMode({})).toBe("auto");
  expect(() => readColorMode({ color: "nevre" })).toThrow("--color takes auto, always, never");
  expect(() => readProgressMode({ progress: "fancy" })).toThrow("--progress takes auto, plain, tty, json");
});
