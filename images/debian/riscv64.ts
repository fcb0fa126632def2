import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { renderTemplate } from "@ob/images/toolkit";
import { checkByUBoot } from "./riscv64/check-by-u-boot.ts";
import type { UnpackedArch } from "./unpacked/architecture.ts";

/** The console is `virt`'s 8250 UART, by its driver's name. rodata=off as on amd64. */
const commandLine = "console=ttyS0 rodata=off";

/** QEMU's riscv64 machine, booted directly or by U-Boot. It has no power button. */
export const riscv64: UnpackedArch = {
  guestArch: "riscv64",
  kernelPackage: "linux-image-riscv64",
  // Virtio and PCI are built in.
  modules: {
    EXT4: ["crc32c_generic", "ext4"],
    VIRTIO_MMIO: ["virtio_mmio"],
    VIRTIO_BLK: ["virtio_blk"],
    VIRTIO_SCSI: ["virtio_scsi", "sd_mod"],
    VIRTIO_NET: ["virtio_net"],
    VIRTIO_RNG: ["virtio_rng"],
    VIRTIO_CONSOLE: ["virtio_console"],
    AHCI: ["ahci", "sd_mod"],
    E1000: ["e1000"],
    E1000E: ["e1000e"],
  },
  commandLine,
  powerButton: false,
  initrd: () => readGuest("initrd-init"),
  bootFiles: async () => {
    const contents = renderTemplate(
      await readGuest("extlinux.conf"),
      new Map([["COMMAND_LINE", commandLine]]),
    );
    return [{ path: "boot/extlinux/extlinux.conf", contents, mode: 0o644 }];
  },
  strip: "riscv64-linux-gnu-strip",
  // QEMU has no vmgenid for it, by which a guest that is resumed when it is ready would reseed its random generator.
  snapshotPoints: ["initrd"],
  check: checkByUBoot,
  revision: 4,
};

/** The text of a file in `riscv64/guest/`. */
function readGuest(name: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(`#debian-riscv64/${name}`)), "utf8");
}
