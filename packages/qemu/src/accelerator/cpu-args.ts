import { checkOptions, type Emit, type GuestArch, noopEmit } from "@ob/core";
import { type AcceleratorChoice, chooseAccelerator } from "./choose-accelerator.ts";
import { assertFirmware } from "../machine/firmware.ts";
import type { Hardware } from "../argv/qemu-argv.ts";
import { machineFor } from "../machine/registry.ts";

export interface InstallCpuOptions {
  readonly accelerator: AcceleratorChoice;
  /** Overrides; of these `cpu` matters. */
  readonly hardware?: Hardware | undefined;
  /** Where the result of a probe is cached. */
  readonly stateDirectory: string;
  readonly emit?: Emit | undefined;
}

/**
 * QEMU arguments to install a system with: the CPU and firmware that `machineFor` has.
 *
 * @throws ObError as `ResolveCpuArgs`.
 */
export async function installCpuArgs(
  options: InstallCpuOptions,
  guestArch: GuestArch,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly string[]> {
  checkOptions("installCpuArgs", options, {
    accelerator: "string",
    stateDirectory: "string",
    emit: "function?",
  });
  const { accelerator: choice, hardware, stateDirectory, emit = noopEmit } = options;
  const machine = machineFor(guestArch);
  await assertFirmware(machine, machine.firmware.disk);
  const accelerator = await chooseAccelerator(machine, { choice, stateDirectory, signal, emit });
  const cpu = hardware?.cpu ?? machine.cpu[accelerator];
  return ["-accel", accelerator, "-cpu", cpu, ...machine.firmware.disk.flat()];
}
