import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { UnpackedArch } from "./unpacked/architecture.ts";
import { checkFirstBoot } from "./unpacked/check.ts";

/** QEMU's machine `s390-ccw-virtio`, booted directly. Its devices are on channels, whose driver is built in; it has no power button. */
export const s390x: UnpackedArch = {
  guestArch: "s390x",
  kernelPackage: "linux-image-s390x",
  modules: {
    EXT4: ["crc32c_generic", "ext4"],
    VIRTIO_BLK: ["virtio_blk"],
    VIRTIO_NET: ["virtio_net"],
    VIRTIO_RNG: ["virtio_rng"],
    VIRTIO_CONSOLE: ["virtio_console"],
  },
  // SCLP's terminal, by the name that the kernel's option has for it.
  commandLine: "console=ttyS1",
  powerButton: false,
  initrd: () => readFile(fileURLToPath(import.meta.resolve("#debian-s390x/initrd-init")), "utf8"),
  snapshotPoints: ["initrd"],
  check: checkFirstBoot,
  revision: 2,
};
