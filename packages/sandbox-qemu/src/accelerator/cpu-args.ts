import { type GuestArch, noopEmit } from "@ob/core";
import { chooseAccelerator } from "./choose-accelerator.ts";
import { assertFirmware } from "../machine/firmware.ts";
import { machineFor } from "../guest/resolve-guest.ts";
import type { SandboxOptions } from "../options.ts";

/**
 * QEMU arguments to install a system with: the CPU and firmware that it will have in a step.
 *
 * @throws ObError as `ResolveCpuArgs`.
 */
export async function installCpuArgs(
  options: Pick<SandboxOptions, "accelerator" | "hardware" | "stateDirectory" | "emit">,
  guestArch: GuestArch,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly string[]> {
  const { accelerator: choice, hardware, stateDirectory, emit = noopEmit } = options;
  const machine = machineFor({ arch: guestArch });
  await assertFirmware(machine, machine.firmware.disk);
  const accelerator = await chooseAccelerator(machine, { choice, stateDirectory, signal, emit });
  const cpu = hardware?.cpu ?? machine.cpu[accelerator];
  return ["-accel", accelerator, "-cpu", cpu, ...machine.firmware.disk.flat()];
}
