import { type Emit, type GuestImage, isObError, messageOf, type Phase } from "@ob/core";
import { throwIfAborted } from "../abort.ts";
import type { DirectBoot } from "../machine/qemu-argv.ts";
import { type Guest, resolveGuest, machineFor, guestProfile } from "../guest/resolve-guest.ts";
import type { GuestProfile } from "../guest/profile.ts";
import type { Accelerator, Machine } from "../machine/machine.ts";
import type { SandboxOptions } from "../options.ts";
import { type LoginKey, loginKeys } from "../ssh/keys.ts";
import { noKey } from "../ssh/session.ts";
import { type LaunchedGuest, launch } from "./launch.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { launchPlans } from "./launch-plan.ts";

export interface StartGuestOptions {
  readonly options: SandboxOptions;
  readonly image: GuestImage;
  /** See `VmConfig.disks`. */
  readonly disks: readonly [string, ...string[]];
  readonly network: "none" | "host";
  /** See `VmConfig.discDrive`. */
  readonly cdrom?: boolean;
  readonly accelerator: (machine: Machine) => Promise<Accelerator>;
  /** By default the guest is booted, and not saved. */
  readonly templates?: SnapshotStore | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly enter: (phase: Phase) => void;
}

/** A guest that has let us in. Disposing ends it at once, however it is. */
export interface GuestSession extends LaunchedGuest, AsyncDisposable {
  readonly guest: Guest;
  readonly profile: GuestProfile;
}

/** @throws ObError as `Sandbox.visit`. */
export async function startGuest(start: StartGuestOptions): Promise<GuestSession> {
  const { options, image, disks, network, cdrom: discDrive = false, signal, emit, enter } = start;
  const { memoryMib, cpus, bootTimeSeconds, stateDirectory, sshKey } = options;
  throwIfAborted(signal);
  const guest = resolveGuest(image, options);
  const [machine, profile] = [machineFor(guest), guestProfile(guest)];
  // Without a key no machine need be started.
  const keys = await keysFor(guest, { sshKey, emit });
  const accelerator = await start.accelerator(machine);
  const { hardware } = guest;
  const sameAddresses = accelerator === "tcg" ? profile.disableAslr : undefined;
  const directBoot = guest.directBoot && withKernelArg(guest.directBoot, sameAddresses?.kernelArg);
  const ways = launchPlans(
    { machine, accelerator, memoryMib, cpus, network, disks, cdrom: discDrive, directBoot, hardware },
    { templates: start.templates, resumes: guest.resumes },
  );
  const login = { sshReadyPattern: profile.sshReadyPattern, user: guest.loginUser, keys, bootTimeSeconds };
  for await (const way of ways) {
    enter("boot");
    await using stack = new AsyncDisposableStack();
    try {
      const { templates } = start;
      const ours = { guest, profile, login, templates, stateDirectory, signal, emit, enter, stack };
      const started = await launch(way, ours);
      const held = stack.move();
      const dispose = (): Promise<void> => held.disposeAsync();
      return { guest, profile, ...started, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      if (way.kind === "boot" || isObError(error, ...nonRetryable)) throw error;
      const text = `a resumed guest did not work; another is started: ${messageOf(error)}`;
      emit({ type: "log", level: "info", text });
    }
  }
  throw new TypeError("no way to start a guest was tried");
}

async function keysFor(
  { sshKey: manifest, loginUser }: Guest,
  { sshKey: option, emit }: { readonly sshKey: string | undefined; readonly emit: Emit },
): Promise<readonly LoginKey[]> {
  const { keys, named } = await loginKeys({ option, manifest });
  if (keys.length === 0) throw noKey(loginUser);
  if (manifest !== undefined && option !== undefined) {
    const text = "The image names its own SSH key: the one that was given is not offered.";
    emit({ type: "log", level: "info", text });
  }
  if (!named) {
    const offered = keys.map(({ label }) => label).join(", ");
    const text = `The image names no SSH key: the guest is offered your own (${offered}).`;
    emit({ type: "log", level: "info", text });
  }
  return keys;
}

function withKernelArg(directBoot: DirectBoot, word: string | undefined): DirectBoot {
  if (word === undefined) return directBoot;
  return { ...directBoot, commandLine: `${directBoot.commandLine} ${word}` };
}

/** What another start would end with as well. */
const nonRetryable = ["CANCELLED", "LOGIN_FAILED", "MISSING_TOOL", "NO_SPACE", "WRONG_MACHINE"] as const;
