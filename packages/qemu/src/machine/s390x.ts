import type { Machine } from "./machine.ts";

/** `s390-ccw-virtio`, whose virtio devices are on channels: there is no PCI. */
export const s390x: Machine = {
  arch: "s390x",
  binary: "qemu-system-s390x",
  type: "s390-ccw-virtio",
  removals: { unused: [], keyboard: [] },
  cpu: { kvm: "host", hvf: "host", tcg: "max" },
  hostArch: "s390x",
  firmware: { disk: [], kernel: [], files: new Map() },
  devices: {
    disk: "virtio-blk-ccw",
    network: "virtio-net-ccw",
    random: "virtio-rng-ccw",
    serialPorts: "virtio-serial-ccw",
    notifyDevices: [],
  },
  smbios: false,
  bus: "ccw",
  ideBuses: [],
  hotPlug: true,
  resumable: true,
  acpiShutdown: false,
  probe: undefined,
};
