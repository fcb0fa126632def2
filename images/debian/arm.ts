import { readGuest } from "./guest-files.ts";
import { modules } from "./packages.ts";
import type { UnpackedArch } from "./unpacked/architecture.ts";
import { checkFirstBoot } from "./unpacked/check.ts";

/** What both have in common: QEMU's machine `virt`, booted directly. Its power button is a key of the GPIO controller. */
const virt = {
  modules: { ...modules, BUTTON: ["evdev", "gpio_keys"] },
  commandLine: "console=ttyAMA0 rodata=off",
  powerButton: true,
  initrd: () => readGuest("initrd-init"),
  // QEMU 7.2 has no vmgenid for it, by which a guest that is resumed when it is ready would reseed its random generator.
  snapshotPoints: ["initrd"],
  check: checkFirstBoot,
  revision: 2,
} as const satisfies Partial<UnpackedArch>;

export const arm64: UnpackedArch = { ...virt, guestArch: "arm64", kernelPackage: "linux-image-arm64" };

export const armhf: UnpackedArch = { ...virt, guestArch: "armhf", kernelPackage: "linux-image-armmp" };
