import { type Argv, escapeQemuValue } from "@ob/images/toolkit";

const firmware = "/usr/lib/riscv64-linux-gnu/opensbi/generic";
const bootLoader = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf";

export interface Riscv64Options {
  /** Absolute paths. */
  readonly disk: string;
  readonly console: string;
  /** The kernel for direct kernel boot; by default U-Boot boots from the disk. */
  readonly kernel?:
    | { readonly file: string; readonly initrd: string; readonly commandLine: string }
    | undefined;
}

/** QEMU's machine `virt`; its network has only the SSH port forwarding. */
export function riscv64Machine({ disk, console, kernel }: Riscv64Options): Argv {
  const boot = kernel
    ? [
        ...["-bios", `${firmware}/fw_dynamic.bin`, "-kernel", kernel.file],
        ...["-initrd", kernel.initrd, "-append", kernel.commandLine],
      ]
    : ["-bios", `${firmware}/fw_jump.bin`, "-kernel", bootLoader];
  return [
    ...(["qemu-system-riscv64", "-nodefaults", "-machine", "virt", "-m", "1G", "-smp", "2"] as const),
    ...[
      "-drive",
      `if=none,id=root,file=${escapeQemuValue(disk)},format=qcow2`,
      "-device",
      "virtio-blk-pci,drive=root",
    ],
    ...["-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:22"],
    ...["-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci", ...boot],
    ...["-display", "none", "-monitor", "stdio", "-serial", `file:${escapeQemuValue(console)}`],
  ];
}
