/** The image's packages in addition to Debian's essential packages. */
export const packages = [
  "?essential",
  "apt",
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

export const kernelPackage = "linux-image-riscv64";

export { dpkgOptions, excludePaths, guestModules } from "../packages.ts";

/** Kernel modules by use; virtio and PCI are built in. */
export const modules = {
  EXT4: ["crc32c_generic", "ext4"],
  VIRTIO_MMIO: ["virtio_mmio"],
  VIRTIO_BLK: ["virtio_blk"],
  VIRTIO_SCSI: ["virtio_scsi", "sd_mod"],
  VIRTIO_NET: ["virtio_net"],
  VIRTIO_RNG: ["virtio_rng"],
  AHCI: ["ahci", "sd_mod"],
  E1000: ["e1000"],
  E1000E: ["e1000e"],
} as const satisfies Record<string, readonly string[]>;
