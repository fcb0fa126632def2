import type { GuestArch } from "@ob/core";
import { amd64 } from "./amd64.ts";
import type { Machine } from "./machine.ts";
import { riscv64 } from "./riscv64.ts";

const machines: Readonly<Record<GuestArch, Machine>> = { amd64, riscv64 };

/** The machine that guests of an architecture run on. */
export function machineFor(arch: GuestArch): Machine {
  return machines[arch];
}
