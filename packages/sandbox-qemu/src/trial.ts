import { cancelled, type GuestTrial, ObError, silent, type TrialCommand, type TrialRequest } from "@ob/core";
import { abortable, deadline, reasonOf } from "./abort.ts";
import { chooseAccelerator } from "./accelerator.ts";
import { blaming } from "./blaming.ts";
import { machineOf } from "./guest-of.ts";
import { trialLine } from "./guest/trial-line.ts";
import type { SandboxOptions } from "./options.ts";
import { perform } from "./perform.ts";
import { sweepRunDirectories } from "./run-directory.ts";
import { captureFramed } from "./run-framed.ts";
import { type RunningGuest, startGuest } from "./running-guest.ts";

/** How long a guest may take for one command, and to switch itself off, in milliseconds. */
const commandTime = 300_000;
const powerOffTime = 120_000;

/**
 * Boots an image with these options, as a step would, without a network.
 *
 * @throws ObError as `Sandbox.visit`.
 */
export async function startTrial(options: SandboxOptions, request: TrialRequest): Promise<GuestTrial> {
  const { emit = silent, stateDirectory } = options;
  const { memoryMib = 0, bootSeconds = 0, signal = new AbortController().signal } = request;
  await sweepRunDirectories(stateDirectory, emit);
  const running = await startGuest({
    options: {
      ...options,
      memoryMib: Math.max(options.memoryMib, memoryMib),
      bootTimeSeconds: Math.max(options.bootTimeSeconds, bootSeconds),
    },
    image: request.image,
    disks: [request.disk],
    network: "none",
    accelerator: (machine) =>
      chooseAccelerator(machine, { choice: options.accelerator, stateDirectory, signal, emit }),
    signal,
    emit,
    enter: () => undefined,
  });
  return {
    run: (command) => runCommand(running, command, signal),
    powerOff: () => powerOff(running, signal),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

async function runCommand(
  { guest, session, vm, signal: living }: RunningGuest,
  { script, asRoot = false, environment }: TrialCommand,
  caller: AbortSignal,
) {
  const command = {
    phase: "run",
    purpose: "run a command",
    ...trialLine(guest.os, { script, asRoot, loginUser: guest.loginUser }),
    failure: "GUEST_LOST",
  } as const;
  using limit = deadline(
    commandTime,
    () =>
      new ObError(
        "GUEST_LOST",
        `A command did not end within ${commandTime / 1000} s.${vm.consoleParagraph()}`,
      ),
  );
  const signal = AbortSignal.any([living, limit.signal]);
  const { status, stdout, stderr } = await blaming(vm, caller, () =>
    captureFramed(command, { session, signal, environment }),
  );
  return { status: status.kind === "exited" ? status.code : undefined, stdout, stderr };
}

async function powerOff(running: RunningGuest, caller: AbortSignal): Promise<"power button" | "command"> {
  const { guest, profile, vm, session, signal } = running;
  vm.expectExit();
  if (machineOf(guest).powerButton) {
    await vm.qmp.execute("system_powerdown", { signal });
    if (await ended(running, caller)) return "power button";
  }
  if (profile.powerOff !== "power button") {
    await perform(profile.powerOff, { session, signal });
    if (await ended(running, caller)) return "command";
  }
  throw new ObError(
    "UNCLEAN_STOP",
    `The guest did not switch itself off within ${powerOffTime / 1000} s.${vm.consoleParagraph()}`,
  );
}

/** False if the guest is still there when the time is over. */
async function ended({ vm }: RunningGuest, caller: AbortSignal): Promise<boolean> {
  using limit = deadline(powerOffTime, () => cancelled());
  try {
    const exit = await abortable(vm.exited, AbortSignal.any([caller, limit.signal]));
    if (exit.clean) return true;
    throw new ObError(
      "UNCLEAN_STOP",
      `QEMU ended with ${exit.how} instead of cleanly.\n${exit.words}`.trim(),
    );
  } catch (error) {
    if (caller.aborted) throw reasonOf(caller);
    if (limit.signal.aborted) return false;
    throw error;
  }
}
