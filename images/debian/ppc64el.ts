import { readGuest } from "./guest-files.ts";
import { modules } from "./packages.ts";
import type { UnpackedArch } from "./unpacked/architecture.ts";
import { checkFirstBoot } from "./unpacked/check.ts";

/** QEMU's machine `pseries`, booted directly. It has no power button. */
export const ppc64el: UnpackedArch = {
  guestArch: "ppc64el",
  kernelPackage: "linux-image-powerpc64le",
  modules: { ...modules, BUTTON: [] },
  commandLine: "console=hvc0",
  powerButton: false,
  initrd: () => readGuest("initrd-init"),
  check: checkFirstBoot,
  revision: 2,
};
