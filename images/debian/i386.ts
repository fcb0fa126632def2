import { checkByDisk } from "./check-by-disk.ts";
import { readGuest } from "./guest-files.ts";
import { modules } from "./packages.ts";
import type { UnpackedArch } from "./unpacked/architecture.ts";

/** A PC with a 32-bit kernel, booted directly or by GRUB. The words of its command line are those of amd64. */
export const i386: UnpackedArch = {
  guestArch: "i386",
  kernelPackage: "linux-image-686-pae",
  modules,
  commandLine: "console=ttyS0 rodata=off no_timer_check",
  powerButton: true,
  initrd: () => readGuest("initrd-init"),
  pc: true,
  snapshotPoints: ["initrd", "ready"],
  check: (result, options) => checkByDisk(result, { ...options, guestArch: "i386" }),
  revision: 2,
};
