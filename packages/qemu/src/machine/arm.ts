import type { AcceleratorProbe, Machine } from "./machine.ts";

const efi = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd";
const uBoot32 = "/usr/lib/u-boot/qemu_arm/u-boot.bin";

/** What both have in common: QEMU's `virt`, which describes itself to a kernel by a device tree. */
const virt = {
  removals: { unused: [], keyboard: [] },
  devices: {
    disk: "virtio-blk-pci",
    network: "virtio-net-pci",
    random: "virtio-rng-pci",
    serialPorts: "virtio-serial-pci",
    // QEMU 7.2 has vmgenid for PCs only.
    notifyDevices: [],
  },
  // The tables are the firmware's: a kernel that is booted directly sees none.
  smbios: true,
  bus: "pci",
  ideBuses: [],
  // On PCI Express, devices can be hot-plugged at root ports only.
  hotPlug: false,
  resumable: true,
  // A key of the GPIO controller, for guests with its driver.
  acpiShutdown: true,
} as const satisfies Partial<Machine>;

/**
 * `virt` with the newest interrupt controller that the host can give: version 2 is for eight CPUs at most. Under emulation a plain
 * CPU model is fastest: of `max`, signed pointers alone make a boot many times slower.
 */
export const arm64: Machine = {
  ...virt,
  arch: "arm64",
  binary: "qemu-system-aarch64",
  type: "virt,gic-version=max",
  cpu: { kvm: "host", hvf: "host", tcg: "cortex-a72" },
  hostArch: "arm64",
  firmware: { disk: [["-bios", efi]], kernel: [], files: new Map([[efi, "qemu-efi-aarch64"]]) },
  // movz w0, #8; movk w0, #0x8400, lsl #16; hvc #0; b .
  probe: systemOff([0x52800100, 0x72b08000, 0xd4000002, 0x14000000]),
};

/** `virt` with a 32-bit CPU. Without `highmem` all devices are where a kernel without large addresses reaches them; 3 GiB are left for memory. */
export const armhf: Machine = {
  ...virt,
  arch: "armhf",
  binary: "qemu-system-arm",
  type: "virt,highmem=off",
  cpu: { kvm: "host", hvf: "host", tcg: "cortex-a15" },
  hostArch: "arm",
  firmware: { disk: [["-bios", uBoot32]], kernel: [], files: new Map([[uBoot32, "u-boot-qemu"]]) },
  // movw r0, #8; movt r0, #0x8400; hvc #0; b .
  probe: systemOff([0xe3000008, 0xe3480400, 0xe1400070, 0xeafffffe]),
};

/** Calls PSCI's SYSTEM_OFF, by the code's little-endian instructions. QEMU itself ends with another status if it fails. */
function systemOff(instructions: readonly number[]): AcceleratorProbe {
  const code = new Uint8Array(4_096);
  const view = new DataView(code.buffer);
  for (const [index, instruction] of instructions.entries()) view.setUint32(index * 4, instruction, true);
  return { code, kind: "firmware", options: [], exitStatus: 0 };
}
