import { type Emit, type GuestImage, isObError, type Phase } from "@ob/core";
import { reasonOf, throwIfAborted } from "./abort.ts";
import { logIn } from "./boot.ts";
import { type Guest, guestOf, machineOf, profileOf } from "./guest-of.ts";
import type { GuestProfile } from "./guest/profile.ts";
import type { Accelerator, Machine } from "./machine/machine.ts";
import type { SandboxOptions } from "./options.ts";
import { perform } from "./perform.ts";
import { loginKeys } from "./ssh/keys.ts";
import type { SshSession } from "./ssh/session.ts";
import { Vm } from "./vm.ts";

export interface StartGuestOptions {
  readonly options: SandboxOptions;
  readonly image: GuestImage;
  /** See `VmConfig.disks`. */
  readonly disks: readonly [string, ...string[]];
  readonly network: "none" | "host";
  /** See `VmConfig.discDrive`. */
  readonly discDrive?: boolean;
  readonly accelerator: (machine: Machine) => Promise<Accelerator>;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly enter: (phase: Phase) => void;
}

/** A guest that has let us in. Disposing ends it at once, however it is. */
export interface RunningGuest extends AsyncDisposable {
  readonly guest: Guest;
  readonly profile: GuestProfile;
  readonly vm: Vm;
  readonly session: SshSession;
  /** See `GuestProfile.ready`. */
  readonly baseline: string;
  /** Fires when the caller cancels or the guest cannot be used any more, with the reason. */
  readonly signal: AbortSignal;
}

/** @throws ObError as `Sandbox.visit`. */
export async function startGuest(start: StartGuestOptions): Promise<RunningGuest> {
  const { options, image, disks, network, discDrive = false, signal, emit, enter } = start;
  const { memoryMib, cpus, bootTimeSeconds, stateDirectory, sshKey } = options;
  throwIfAborted(signal);
  const guest = guestOf(image, options);
  const [machine, profile] = [machineOf(guest), profileOf(guest)];
  const [accelerator, keys] = await Promise.all([
    start.accelerator(machine),
    loginKeys({ option: sshKey, manifest: guest.sshKey }),
  ]);
  enter("boot");
  const { directBoot, hardware } = guest;
  await using stack = new AsyncDisposableStack();
  const vm = stack.use(
    await Vm.start(
      { machine, accelerator, memoryMib, cpus, network, disks, discDrive, directBoot, hardware },
      { stateDirectory, panic: profile.panic, signal, emit },
    ),
  );
  return await blaming(vm, signal, async () => {
    const login = {
      listening: profile.listening,
      announcesReady: guest.announcesReady,
      user: guest.loginUser,
      keys,
      bootTimeSeconds,
      signal,
      emit,
    };
    const session = stack.use(await logIn(vm, login));
    const living = AbortSignal.any([signal, vm.doomed]);
    enter("login");
    const baseline = await perform(profile.ready, { session, signal: living });
    const held = stack.move();
    const dispose = (): Promise<void> => held.disposeAsync();
    return { guest, profile, vm, session, baseline, signal: living, [Symbol.asyncDispose]: dispose };
  });
}

/** Does `work` in a guest; what comes of the caller's signal, or of a machine that died, is told as just that. */
export async function blaming<T>(vm: Vm, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw reasonOf(signal);
    throw isObError(error, "GUEST_LOST") ? await vm.blame(error) : error;
  }
}
