import type { Machine } from "./machine.ts";

/**
 * `pseries`, with the firmware SLOF, a part of QEMU. A kernel of an image is booted by QEMU's own minimal firmware: SLOF takes half
 * a minute under emulation. TCG has none of the mitigations that are on by default.
 */
export const ppc64el: Machine = {
  arch: "ppc64el",
  binary: "qemu-system-ppc64",
  type: "pseries",
  removals: { unused: [], keyboard: [] },
  cpu: { kvm: "host", hvf: "host", tcg: "power9" },
  hostArch: "ppc64",
  firmware: { disk: [], kernel: [["-machine", "x-vof=on"]], files: new Map() },
  devices: {
    disk: "virtio-blk-pci",
    network: "virtio-net-pci",
    random: "virtio-rng-pci",
    serialPorts: "virtio-serial-pci",
    notifyDevices: [],
  },
  smbios: false,
  bus: "pci",
  ideBuses: [],
  // A new device is announced to a daemon of the guest.
  hotPlug: false,
  // With QEMU 7.2 a resumed guest does not continue.
  resumable: false,
  acpiShutdown: false,
  probe: undefined,
};
