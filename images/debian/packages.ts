import { renderTemplate } from "@ob/images/toolkit";
import { customize as script } from "./scripts.generated.ts";

/** The image's packages in addition to apt and Debian's essential packages; each release adds its own. */
export const packages = [
  "busybox-static",
  "e2fsprogs",
  "kmod",
  "mount",
  "openssh-server",
  "procps",
  "sudo",
  "xz-utils",
  "zstd",
] as const;

/** Paths that builds do not need, as in Debian's container images; a leading `!` includes a path again. */
export const excludePaths = [
  "/usr/share/doc/*",
  "!/usr/share/doc/*/copyright",
  "/usr/share/info/*",
  "/usr/share/lintian/*",
  "/usr/share/locale/*",
  "/usr/share/man/*",
] as const;

export const aptOptions = ['Acquire::Languages "none"'] as const;

/** A layer is flushed once when it is complete, not after every file of every package. */
export const dpkgOptions = ["force-unsafe-io"] as const;

/** The kernel is unpacked from its package and not installed, so that no upgrade in a build changes it. */
export const kernelPackage = "linux-image-amd64";
export const kernelArchive = "var/tmp/kernel.deb";

/** A script that runs after the installation of the packages; `$1` is the root directory. */
export function customize(user: string): string {
  const values = new Map([
    ["USER", user],
    ["KERNEL_PACKAGE", kernelPackage],
    ["KERNEL_ARCHIVE", kernelArchive],
  ]);
  return renderTemplate(`${script}\n`, values);
}

/**
 * Kernel modules by use. The generic kernel is used because it has vmgenid and the drivers of QEMU's default disks
 * and network cards.
 */
export const modules = {
  EXT4: ["crc32c_generic", "ext4"],
  VIRTIO: ["virtio_pci"],
  VIRTIO_BLK: ["virtio_blk"],
  VIRTIO_SCSI: ["virtio_scsi", "sd_mod"],
  VIRTIO_NET: ["virtio_net"],
  VIRTIO_RNG: ["virtio_rng"],
  VIRTIO_CONSOLE: ["virtio_console"],
  ATA_PIIX: ["ata_piix", "sd_mod"],
  AHCI: ["ahci", "sd_mod"],
  E1000: ["e1000"],
  E1000E: ["e1000e"],
  BUTTON: ["evdev", "button"],
} as const satisfies Record<string, readonly string[]>;

/** Modules for builds that mount file systems; the kernel loads them on demand. */
export const guestModules = [
  "9p",
  "9pnet_virtio",
  "binfmt_misc",
  "fuse",
  "isofs",
  "loop",
  "nls_ascii",
  "nls_cp437",
  "nls_utf8",
  "overlay",
  "squashfs",
  "tun",
  "vfat",
  "virtio_console",
] as const;
