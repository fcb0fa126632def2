import { archNames, guestArchNames } from "@ob/core";
import { describe, expect, it } from "vitest";
import { qemuArgv, type VmConfig } from "../argv/qemu-argv.ts";
import { testDisks } from "../testing/disks.ts";
import type { Machine } from "./machine.ts";
import { machineFor } from "./registry.ts";

/** QEMU's options for a machine, each with its value. */
function optionsOf(machine: Machine, more: Partial<VmConfig> = {}): readonly string[] {
  const config: VmConfig = {
    ...{ machine, accelerator: "tcg", memoryMib: 1_024, cpus: 2, rootDisk: "/root.qcow2" },
    ...{ disks: [], network: "none", directBoot: undefined, hardware: {}, ...more },
  };
  const argv = qemuArgv(config, { consoleLog: "/c", machineId: "obuilder-01234567_-x" });
  return argv.map((word, index) => (word.startsWith("-") ? `${word} ${argv[index + 1] ?? ""}` : ""));
}

const directBoot = { kernel: "/kernel", initrd: "/initrd", commandLine: "console=x" };

describe("each architecture", () => {
  it("has its machine", () => {
    expect(guestArchNames.map((arch) => machineFor(arch).arch)).toEqual(guestArchNames);
  });

  it("runs without emulation on a host of its own; 32-bit PCs on the PCs of today", () => {
    const own = (arch: (typeof guestArchNames)[number]) => (arch === "i386" ? "x64" : archNames[arch].node);
    expect(guestArchNames.map((arch) => machineFor(arch).hostArch)).toEqual(guestArchNames.map(own));
  });

  it("has the host's CPU under KVM and HVF, and a model of its own under emulation", () => {
    for (const arch of guestArchNames) {
      const { cpu } = machineFor(arch);
      expect([cpu.kvm, cpu.hvf], arch).toEqual(["host", "host"]);
      expect(cpu.tcg, arch).not.toBe("host");
    }
  });
});

it("ARM guests have the newest interrupt controller, and 32-bit ones all devices in reach", () => {
  expect(optionsOf(machineFor("arm64"))).toContain("-machine virt,gic-version=max");
  expect(optionsOf(machineFor("armhf"))).toContain("-machine virt,highmem=off");
  expect(optionsOf(machineFor("arm64"))).toContain("-bios /usr/share/qemu-efi-aarch64/QEMU_EFI.fd");
  expect(optionsOf(machineFor("arm64"), { directBoot }).join(" ")).not.toContain("-bios");
});

it("a ppc64el kernel is booted by QEMU's minimal firmware, a disk by SLOF", () => {
  const minimal = "-machine x-vof=on";
  expect(optionsOf(machineFor("ppc64el"), { directBoot })).toContain(minimal);
  expect(optionsOf(machineFor("ppc64el"))).not.toContain(minimal);
});

it("an s390x guest has its devices on channels, without option ROMs and PCI addresses", () => {
  const options = optionsOf(machineFor("s390x"), { disks: testDisks(30) });
  expect(options).toContain("-device virtio-net-ccw,netdev=net0");
  expect(options).toContain("-device virtio-rng-ccw");
  const disks = options.filter((option) => option.startsWith("-device virtio-blk"));
  expect(disks).toHaveLength(31);
  for (const disk of disks) expect(disk).toMatch(/^-device virtio-blk-ccw,drive=disk\d+,id=/);
});
