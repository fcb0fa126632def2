import { amd64 } from "./amd64.ts";
import type { Machine } from "./machine.ts";

/** The same PC, whose processor runs 32-bit kernels, too: with KVM on every amd64 host. */
export const i386: Machine = {
  ...amd64,
  arch: "i386",
  // Debian 12's 32-bit kernel has not shown a disk within five seconds.
  hotPlug: false,
};
