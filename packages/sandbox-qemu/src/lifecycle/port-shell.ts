import { abortable, deadline, ObError } from "@ob/core";
import type { Vm } from "@ob/qemu";
import { outputOf } from "../guest/guest-command.ts";
import type { GuestCommand } from "../guest/profile.ts";
import { RootShell } from "../ssh/root-shell.ts";

/** The root shell that a guest's init starts on a port of its machine, once it has run its first commands. */
export interface PortShell {
  readonly shell: RootShell;
  /** What these printed. */
  readonly printed: string;
}

/**
 * How long the guest may take to open the port, and its shell to answer, once the guest was logged in to. In milliseconds. It opens it
 * before it says that its SSH server listens.
 */
const timeToOpen = 2_000;
const timeToAnswer = 30_000;

export interface PreparePortShellOptions {
  readonly commands: readonly GuestCommand[];
  /** True if a command may not run late, when the shell is no longer waited for. */
  readonly mustBeInTime: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs commands in the root shell on the port of a VM that was started with one, as soon as there is such a shell: while the guest is
 * still booting, or is being logged in to.
 *
 * @returns resolves when they have ended, given that the guest was logged in to; undefined if there is no shell: a step can change what
 *   starts it. Throws ObError as `runGuestCommand`.
 */
export function preparePortShell(
  { rootShellPort: port, failed }: Pick<Vm, "rootShellPort" | "failed">,
  { commands, mustBeInTime, signal: caller }: PreparePortShellOptions,
): (loggedIn: AbortSignal) => Promise<PortShell | undefined> {
  if (!port) return async () => await Promise.resolve(undefined);
  const shell = RootShell.onPort(port, failed);
  const ended = runAll(commands, { shell, signal: caller });
  // Whoever has failed to log in does not wait for it.
  ended.catch(() => undefined);
  return async (lost) => {
    let opened = false;
    shell.endWith(lost);
    const signal = AbortSignal.any([caller, failed]);
    try {
      await within(timeToOpen, Promise.race([port.opened, ended]), signal);
      opened = true;
      return { shell, printed: await within(timeToAnswer, ended, signal) };
    } catch (error) {
      // A shell that has ended runs nothing, and to one that has not opened its port nothing was sent.
      const isSafe = error === late ? !(opened && mustBeInTime) : !shell.isOpen;
      await shell[Symbol.asyncDispose]();
      if (signal.aborted || !isSafe) throw error;
      return undefined;
    }
  };
}

const late = new ObError("GUEST_LOST", "The root shell on the machine's port does not answer.");

async function within<Value>(time: number, value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  using limit = deadline(time, () => late);
  return await abortable(value, AbortSignal.any([signal, limit.signal]));
}

/** The first command may have to wait for the shell. @returns what all of them printed. */
async function runAll(
  commands: readonly GuestCommand[],
  { shell, signal }: { readonly shell: RootShell; readonly signal: AbortSignal },
): Promise<string> {
  const printed = [];
  for (const command of [answer, ...commands]) {
    const { script = ":" } = command;
    printed.push(outputOf(command, await shell.run(script, { signal, startsLater: true })));
  }
  return printed.join("");
}

const answer: GuestCommand = {
  phase: "login",
  purpose: "answer",
  command: ":",
  script: ":",
  failure: "GUEST_LOST",
};
