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
  },
  devices: {
    disk: "virtio-blk-pci",
    network: "virtio-net-pci",
    random: "virtio-rng-pci",
    // No vmgenid: without snapshots none is needed.
    notifyDevices: [],
  },
  smbios: false,
  bus: "pci",
  ideBuses: [],
  // On PCI Express, devices can be hot-plugged at root ports only.
  hotPlug: false,
  // QEMU 7.2 does not save when the timers are due: a resumed guest never wakes up.
  resumable: false,
  acpiShutdown: false,
  probe: undefined,
};
