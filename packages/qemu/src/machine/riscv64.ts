import { savesRiscvTimers } from "../process/version-data.ts";
import type { Machine } from "./machine.ts";

const openSbi = "/usr/lib/riscv64-linux-gnu/opensbi/generic";
const jump = `${openSbi}/fw_jump.bin`;
const dynamic = `${openSbi}/fw_dynamic.bin`;
const uBoot = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf";

/**
 * QEMU's `virt` machine. As in the original, the firmware is OpenSBI, and U-Boot to boot from a disk. A kernel of an image
 * is booted by `fw_dynamic`, which is told where the device tree is: `fw_jump` has it at a fixed address that a kernel of
 * more than 32 MB overwrites.
 */
export const riscv64: Machine = {
  arch: "riscv64",
  binary: "qemu-system-riscv64",
  type: "virt",
  removals: { unused: [], keyboard: [] },
  // "max" exists since QEMU 8.2.
  cpu: { kvm: "host", hvf: "host", tcg: "rv64" },
  hostArch: "riscv64",
  firmware: {
    disk: [
      ["-bios", jump],
      ["-kernel", uBoot],
    ],
    kernel: [["-bios", dynamic]],
    files: new Map([
      [jump, "opensbi"],
      [dynamic, "opensbi"],
      [uBoot, "u-boot-qemu"],
    ]),
    // OpenSBI 1.1 marks a hart as to be started before it has noted where; 1.6 notes it first, as 1.5 is believed to. If the waiting hart
    // looks in between, it starts at the firmware's own next address: the kernel's entry, where it boots over the first.
    startRace: { firmware: /\bOpenSBI v(?:0\.\d+|1\.[0-4])\b/, kernel: /^(?:\[ *\d+\.\d+\] |obuilder: )/m },
  },
  devices: {
    disk: "virtio-blk-pci",
    network: "virtio-net-pci",
    random: "virtio-rng-pci",
    serialPorts: "virtio-serial-pci",
    // QEMU has no vmgenid for it.
    notifyDevices: [],
  },
  smbios: false,
  bus: "pci",
  ideBuses: [],
  // On PCI Express, devices can be hot-plugged at root ports only.
  hotPlug: false,
  resumable: savesRiscvTimers,
  acpiShutdown: false,
  probe: undefined,
};
