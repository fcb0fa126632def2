import { type GuestArch, silent } from "@ob/core";
import { chooseAccelerator } from "./choose-accelerator.ts";
import { assertFirmware } from "../machine/firmware.ts";
import { machineFor } from "../guest/resolve-guest.ts";
import type { SandboxOptions } from "../options.ts";

/**
 * What a system is installed with: the processor that it has later, in a step.
 *
 * @throws ObError as `ChooseProcessor`.
 */
export async function installCpuArgs(
  options: Pick<SandboxOptions, "accelerator" | "hardware" | "stateDirectory" | "emit">,
  guestArch: GuestArch,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly string[]> {
  const { accelerator: choice, hardware, stateDirectory, emit = silent } = options;
  const machine = machineFor({ arch: guestArch });
  await assertFirmware(machine, machine.firmware.disk);
  const accelerator = await chooseAccelerator(machine, { choice, stateDirectory, signal, emit });
  const cpu = hardware?.cpu ?? machine.cpu[accelerator];
  return ["-accel", accelerator, "-cpu", cpu, ...machine.firmware.disk.flat()];
}
