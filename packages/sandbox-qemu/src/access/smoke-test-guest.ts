import {
  abortable,
  abortReason,
  cancelledError,
  deadline,
  noopEmit,
  ObError,
  type SmokeTestCommand,
  type SmokeTestGuest,
  type SmokeTestRequest,
} from "@ob/core";
import { checkSandboxOptions } from "../lifecycle/check-options.ts";
import { Accelerators, machineFor, sweepRunDirectories, withVmErrors } from "@ob/qemu";
import { guestProfile, resolveGuest } from "../guest/resolve-guest.ts";
import { confinementFor, type SandboxOptions } from "../lifecycle/options.ts";
import { runGuestCommand } from "../guest/guest-command.ts";
import { captureFramed } from "../guest/run-framed.ts";
import { type GuestSession, startGuest } from "../lifecycle/start-guest.ts";
import { imageSpeed } from "./image-speed.ts";

/** How long a guest may take for one command, in seconds, and to shut down, in milliseconds. */
const commandTimeout = 300;
const powerOffTimeout = 120_000;

/**
 * Boots an image as a step would, without a network.
 *
 * @throws ObError as `Sandbox.openEphemeral`.
 */
export async function bootForSmokeTest(
  options: SandboxOptions,
  request: SmokeTestRequest,
): Promise<SmokeTestGuest> {
  checkSandboxOptions("bootForSmokeTest", options);
  const { emit = noopEmit, stateDirectory } = options;
  const {
    memoryMib = 0,
    bootSeconds = 0,
    networkDevice,
    consoleLog,
    signal = new AbortController().signal,
  } = request;
  await sweepRunDirectories(stateDirectory, emit);
  const found = resolveGuest(request.image, options);
  const guest = { ...found, hardware: { ...found.hardware, networkDevice } };
  const running = await startGuest({
    options: {
      ...options,
      memoryMib: Math.max(options.memoryMib, memoryMib),
      bootTimeSeconds: Math.max(options.bootTimeSeconds, bootSeconds),
    },
    guest,
    profile: guestProfile(guest),
    rootDisk: request.disk,
    caches: [],
    network: "none",
    consoleLog,
    accelerators: new Accelerators({ choice: options.accelerator, stateDirectory }),
    confinement: confinementFor(options),
    signal,
    emit,
  });
  const { rootAccess, imageChecks } = running.profile;
  return {
    rootAccess,
    checks: imageChecks,
    run: (command) => runCommand(running, command, signal),
    speed: () => withVmErrors(running.vm, signal, () => imageSpeed(running)),
    powerOff: () => powerOff(running, signal),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

async function runCommand(
  { profile, session, vm, signal: vmSignal }: GuestSession,
  { script, asRoot = false, timeoutSeconds = commandTimeout, environment }: SmokeTestCommand,
  caller: AbortSignal,
) {
  const command = {
    phase: "run",
    purpose: "run a command",
    ...profile.runScript(script, { asRoot }),
    failure: "GUEST_LOST",
  } as const;
  using limit = deadline(
    timeoutSeconds * 1000,
    () =>
      new ObError("GUEST_LOST", `A command did not end within ${timeoutSeconds} s.${vm.consoleParagraph()}`),
  );
  const signal = AbortSignal.any([vmSignal, limit.signal]);
  const { status, stdout, stderr } = await withVmErrors(vm, caller, () =>
    captureFramed(command, { session, signal, environment }),
  );
  return { status: status.kind === "exited" ? status.code : undefined, stdout, stderr };
}

async function powerOff(running: GuestSession, caller: AbortSignal): Promise<"acpi" | "command"> {
  const { guest, profile, vm, session, signal } = running;
  vm.expectExit();
  if (machineFor(guest.arch).acpiShutdown) {
    await vm.qmp.execute("system_powerdown", { signal });
    if (await hasEnded(running, caller)) return "acpi";
  }
  if (profile.shutdown !== "acpi") {
    await runGuestCommand(profile.shutdown, { session, signal });
    if (await hasEnded(running, caller)) return "command";
  }
  throw new ObError(
    "UNCLEAN_STOP",
    `The guest did not shut down within ${powerOffTimeout / 1000} s.${vm.consoleParagraph()}`,
  );
}

/** False if the guest still runs after the time limit. */
async function hasEnded({ vm }: GuestSession, caller: AbortSignal): Promise<boolean> {
  using limit = deadline(powerOffTimeout, () => cancelledError());
  try {
    const exit = await abortable(vm.exited, AbortSignal.any([caller, limit.signal]));
    if (exit.clean) return true;
    throw new ObError(
      "UNCLEAN_STOP",
      `QEMU ended with ${exit.description} instead of cleanly.\n${exit.stderrTail}`.trim(),
    );
  } catch (error) {
    if (caller.aborted) throw abortReason(caller);
    if (limit.signal.aborted) return false;
    throw error;
  }
}
