import type { GuestArch } from "@ob/core";
import { amd64 } from "./amd64.ts";
import { arm64, armhf } from "./arm.ts";
import { i386 } from "./i386.ts";
import type { Machine } from "./machine.ts";
import { ppc64el } from "./ppc64el.ts";
import { riscv64 } from "./riscv64.ts";
import { s390x } from "./s390x.ts";

const machines: Readonly<Record<GuestArch, Machine>> = {
  ...{ amd64, arm64, armhf, i386, ppc64el, riscv64, s390x },
};

/** The machine that guests of an architecture run on. */
export function machineFor(arch: GuestArch): Machine {
  return machines[arch];
}
