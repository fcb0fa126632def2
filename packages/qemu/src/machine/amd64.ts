import type { Machine } from "./machine.ts";

/** The port of `isa-debug-exit`, and the byte that the boot sector writes to it. */
const exitPort = 0xf4;
const exitByte = 0x2a;

/**
 * `pc` boots as fast as `microvm` and runs every guest. Under emulation a plain CPU model is fastest: AVX2 is
 * emulated slowly, and a guest without RDRAND waits for entropy.
 */
export const amd64: Machine = {
  arch: "amd64",
  binary: "qemu-system-x86_64",
  type: "pc",
  // The floppy and IDE controllers are a part of `pc` that cannot be removed; neither has a drive. HPET is the clock of a guest under
  // emulation: that of ACPI, the next best, loses time if the host does not run the guest for five seconds.
  removals: { unused: ["vmport=off"], keyboard: ["i8042=off"] },
  cpu: { kvm: "host", hvf: "host", tcg: "qemu64,-svm,+rdrand,+rdseed" },
  hostArch: "x64",
  firmware: { disk: [], kernel: [], files: new Map() },
  devices: {
    disk: "virtio-blk-pci",
    network: "virtio-net-pci",
    random: "virtio-rng-pci",
    serialPorts: "virtio-serial-pci",
    notifyDevices: ["vmgenid,guid=auto", "pvpanic"],
  },
  smbios: true,
  bus: "pci",
  ideBuses: ["ide.0", "ide.1"],
  // By ACPI, on the root bus.
  hotPlug: true,
  resumable: true,
  acpiShutdown: true,
  probe: {
    code: bootSector(),
    kind: "boot sector",
    options: [["-device", `isa-debug-exit,iobase=${exitPort},iosize=1`]],
    // QEMU ends with (byte << 1) | 1.
    exitStatus: (exitByte << 1) | 1,
  },
};

/** A disk of 1 MiB, the smallest that SeaBIOS boots from. Its real-mode code writes `exitByte` to `exitPort`. */
function bootSector(): Uint8Array {
  const disk = new Uint8Array(1 << 20);
  disk.set([
    0xba,
    exitPort,
    0x00, // mov dx, port
    0xb0,
    exitByte, // mov al, byte
    0xee, // out dx, al
    0xf4, // hlt
    0xeb,
    0xfd, // jmp to the hlt
  ]);
  disk.set([0x55, 0xaa], 510);
  return disk;
}
