import { isObError } from "@ob/core";
import type { Vm } from "@ob/qemu";
import { type GuestConnection, runGuestCommand } from "../guest/guest-command.ts";
import { loginShellIn } from "../guest/posix/identity.ts";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import { RootShell } from "../ssh/root-shell.ts";
import { identify, type IdentifyOptions } from "./identify.ts";
import type { PortShell } from "./port-shell.ts";

export interface PrepareOptions extends Omit<IdentifyOptions, "machineId"> {
  readonly vm: Pick<Vm, "id" | "hasOwnLink"> & {
    readonly config: Pick<Vm["config"], "accelerator" | "directBoot" | "network">;
  };
  readonly profile: GuestProfile;
  /** A root shell that is there already, in which connections were rejected. */
  readonly portShell?: PortShell | undefined;
}

export interface PreparedGuest {
  /** The persistent root shell; see `GuestProfile.rootShell`. */
  readonly shell: RootShell | undefined;
  /** What the command printed. */
  readonly bootInfo: string;
}

/**
 * Makes a guest ready for a step, on a new connection.
 *
 * @param command `GuestProfile.prepare`, or what takes its place after a resume.
 * @throws ObError as `identify` and `runGuestCommand`.
 */
export async function prepareGuest(command: GuestCommand, options: PrepareOptions): Promise<PreparedGuest> {
  const { vm, profile, session, signal, portShell } = options;
  const root = await becomeRoot(command, options);
  const connection: GuestConnection = { session, signal, shell: root.shell };
  const { accelerator, directBoot, network } = vm.config;
  if (network === "none" && profile.rejectConnections && !portShell) {
    await runGuestCommand(profile.rejectConnections, connection);
  }
  // A kernel that QEMU boots has been told by its command line.
  if (directBoot === undefined && profile.tuneKernel) {
    await runGuestCommand(profile.tuneKernel(accelerator).command, connection);
  }
  return root;
}

/**
 * Verifies which machine it is, and becomes root there. A connection over a link of its own ends in the VM that was started: there
 * that is only asked if nothing else tells the login shell. It saves a command, which is a tenth of a resumed VM's start.
 */
async function becomeRoot(command: GuestCommand, options: PrepareOptions): Promise<PreparedGuest> {
  const { vm, profile, session, signal, portShell } = options;
  const { rootShell } = profile;
  let identified: Promise<void> | undefined;
  const identifyOnce = async (): Promise<void> =>
    await (identified ??= identify({ ...options, machineId: vm.id }));
  if (!vm.hasOwnLink || rootShell === undefined) await identifyOnce();
  const open = async (): Promise<RootShell | undefined> =>
    rootShell === undefined ? undefined : await RootShell.open(session, rootShell, signal);
  const shell = portShell?.shell.isOpen === true ? portShell.shell : await open();
  // What the command lists as processes of the guest has to include those of the login.
  if (portShell) await session.roundTrip(signal);
  const root = await prepareAsRoot(command, { session, shell, signal });
  session.loginShell ??= root && loginShellIn(root.bootInfo);
  if (session.loginShell === undefined) await identifyOnce();
  // Without a persistent root shell the command runs in a shell of its own, and its error is reported.
  const bootInfo = root?.bootInfo ?? (await runGuestCommand(command, { session, signal }));
  return { shell: root?.shell, bootInfo: (portShell?.printed ?? "") + bootInfo };
}

/** @returns undefined if the persistent root shell has ended. */
async function prepareAsRoot(
  command: GuestCommand,
  { session, shell, signal }: GuestConnection & Pick<PreparedGuest, "shell">,
): Promise<PreparedGuest | undefined> {
  try {
    return { shell, bootInfo: await runGuestCommand(command, { session, shell, signal }) };
  } catch (error) {
    if (shell === undefined || !isObError(error, "GUEST_LOST") || session.lost.aborted) throw error;
    return undefined;
  }
}
