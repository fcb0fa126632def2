import type { Machine } from "./machine.ts";

const openSbi = "/usr/lib/riscv64-linux-gnu/opensbi/generic";
const jump = `${openSbi}/fw_jump.bin`;
const dynamic = `${openSbi}/fw_dynamic.bin`;
const uBoot = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf";

/**
 * QEMU's `virt`. Its firmware is not QEMU's own: OpenSBI, and U-Boot to start from a disk, as the original has them.
 * An image's kernel is started by the OpenSBI that is told where the device tree is: the other has it at a fixed
 * place, which a kernel of more than 32 MB covers.
 */
export const riscv64: Machine = {
  arch: "riscv64",
  binary: "qemu-system-riscv64",
  type: "virt",
  // "max" came with QEMU 8.2; and hosts of this architecture give their own processor.
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
    // It has no vmgenid; a step's guest boots anew, so none is missed.
    notifyDevices: [],
  },
  smbios: false,
  ideBuses: [],
  // Its PCI bus is one of PCI Express, which takes devices at root ports only.
  hotPlug: false,
  // QEMU 7.2 does not save when its timers are due: a guest that is resumed never wakes up.
  resumable: false,
  acpiShutdown: false,
  probe: undefined,
};
