/** Programs of the host that the packages run, each with the Debian package that holds it. */
export const tools: Readonly<Record<string, string>> = {
  "qemu-img": "qemu-utils",
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-system-riscv64": "qemu-system-misc opensbi u-boot-qemu",
  "riscv64-linux-gnu-strip": "binutils-riscv64-linux-gnu",
  mke2fs: "e2fsprogs",
  debugfs: "e2fsprogs",
  "mkfs.ext4": "e2fsprogs",
  sfdisk: "fdisk",
  mmdebstrap: "mmdebstrap",
  "grub-mkimage": "grub-common",
  "ssh-keygen": "openssh-client",
  ssh: "openssh-client",
  depmod: "kmod",
  fakeroot: "fakeroot",
  xz: "xz-utils",
  cp: "coreutils",
};
