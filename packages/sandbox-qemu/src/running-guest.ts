import { type Emit, type GuestImage, isObError, messageOf, type Phase } from "@ob/core";
import { throwIfAborted } from "./abort.ts";
import type { DirectBoot } from "./command-line.ts";
import { type Guest, guestOf, machineOf, profileOf } from "./guest-of.ts";
import type { GuestProfile } from "./guest/profile.ts";
import type { Accelerator, Machine } from "./machine/machine.ts";
import type { SandboxOptions } from "./options.ts";
import { type LoginKey, loginKeys } from "./ssh/keys.ts";
import { noKey } from "./ssh/session.ts";
import { type Started, startBy } from "./start-by.ts";
import type { TemplateStore } from "./template/template-store.ts";
import { waysToStart } from "./template/ways.ts";

export interface StartGuestOptions {
  readonly options: SandboxOptions;
  readonly image: GuestImage;
  /** See `VmConfig.disks`. */
  readonly disks: readonly [string, ...string[]];
  readonly network: "none" | "host";
  /** See `VmConfig.discDrive`. */
  readonly discDrive?: boolean;
  readonly accelerator: (machine: Machine) => Promise<Accelerator>;
  /** By default the guest is booted, and not saved. */
  readonly templates?: TemplateStore | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly enter: (phase: Phase) => void;
}

/** A guest that has let us in. Disposing ends it at once, however it is. */
export interface RunningGuest extends Started, AsyncDisposable {
  readonly guest: Guest;
  readonly profile: GuestProfile;
}

/** @throws ObError as `Sandbox.visit`. */
export async function startGuest(start: StartGuestOptions): Promise<RunningGuest> {
  const { options, image, disks, network, discDrive = false, signal, emit, enter } = start;
  const { memoryMib, cpus, bootTimeSeconds, stateDirectory, sshKey } = options;
  throwIfAborted(signal);
  const guest = guestOf(image, options);
  const [machine, profile] = [machineOf(guest), profileOf(guest)];
  // Without a key no machine need be started.
  const keys = await keysFor(guest, { sshKey, emit });
  const accelerator = await start.accelerator(machine);
  const { hardware } = guest;
  const sameAddresses = accelerator === "tcg" ? profile.sameAddresses : undefined;
  const directBoot = guest.directBoot && withWord(guest.directBoot, sameAddresses?.kernelWord);
  const ways = waysToStart(
    { machine, accelerator, memoryMib, cpus, network, disks, discDrive, directBoot, hardware },
    { templates: start.templates, resumes: guest.resumes },
  );
  const login = { listening: profile.listening, user: guest.loginUser, keys, bootTimeSeconds };
  for await (const way of ways) {
    enter("boot");
    await using stack = new AsyncDisposableStack();
    try {
      const { templates } = start;
      const ours = { guest, profile, login, templates, stateDirectory, signal, emit, enter, stack };
      const started = await startBy(way, ours);
      const held = stack.move();
      const dispose = (): Promise<void> => held.disposeAsync();
      return { guest, profile, ...started, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      if (way.kind === "boot" || isObError(error, ...lasting)) throw error;
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

function withWord(directBoot: DirectBoot, word: string | undefined): DirectBoot {
  if (word === undefined) return directBoot;
  return { ...directBoot, commandLine: `${directBoot.commandLine} ${word}` };
}

/** What another start would end with as well. */
const lasting = ["CANCELLED", "LOGIN_FAILED", "MISSING_TOOL", "NO_SPACE", "WRONG_MACHINE"] as const;
