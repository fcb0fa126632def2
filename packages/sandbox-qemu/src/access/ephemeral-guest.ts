import {
  cancelledError,
  type Emit,
  type GuestAccess,
  type EphemeralGuest,
  type ExecRequest,
  ObError,
  type ReadArchiveOptions,
  type RunTask,
} from "@ob/core";
import { withVmErrors } from "@ob/qemu";
import { readArchive } from "../transfer/read-archive.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import { execInteractive } from "../ssh/interactive.ts";
import { quoteWords } from "../ssh/quote/posix.ts";

export interface EphemeralOptions {
  /** The caller's: ends the guest. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly onClose: () => void;
}

/** A guest that is owned by its caller. Disposing ends it. */
export function openEphemeralGuest(running: GuestSession, options: EphemeralOptions): EphemeralGuest {
  const { profile, session, vm } = running;
  const closed = new AbortController();
  const close = async (): Promise<void> => {
    closed.abort(cancelledError());
    await running[Symbol.asyncDispose]();
    options.onClose();
  };
  // A caller that cancels may never dispose of it.
  options.signal.addEventListener("abort", () => void close(), { once: true });
  const signals = (signal: AbortSignal | undefined): readonly AbortSignal[] => [
    options.signal,
    closed.signal,
    ...(signal ? [signal] : []),
  ];
  return {
    async *readArchive(
      path: string,
      { exclude = [], followLink: followsEnd, followAllLinks, signal }: ReadArchiveOptions = {},
    ) {
      const caller = AbortSignal.any([...signals(signal)]);
      const followLink = followsEnd === true || followAllLinks === true;
      const reading = readArchive(profile.readArchive(path, exclude, { followLink, followAllLinks }), {
        session,
        path,
        followLink,
        signal: AbortSignal.any([caller, running.signal]),
        emit: options.emit,
      });
      try {
        for (;;) {
          const { value, done } = await withVmErrors(vm, caller, () => reading.next());
          if (done) return;
          yield value;
        }
      } finally {
        await reading.return(undefined);
      }
    },
    execInteractive: async (interaction, signal) => {
      const caller = AbortSignal.any([...signals(signal)]);
      const { stdio: terminal } = interaction;
      const line = shellLine(interaction, running);
      return await withVmErrors(vm, caller, () =>
        execInteractive(session, line, { terminal, signal: AbortSignal.any([caller, running.signal]) }),
      );
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Access to the guest of a step that failed, until that step ends. */
export function failedStepAccess(running: GuestSession, { task, signal }: StepAccessOptions): GuestAccess {
  return {
    execInteractive: async (interaction, interacting) => {
      const caller = AbortSignal.any([signal, ...(interacting ? [interacting] : [])]);
      const { stdio: terminal, user = task.user } = interaction;
      const line = ttyLine(running, { interaction, task: { ...task, user } });
      return await withVmErrors(running.vm, caller, () =>
        execInteractive(running.session, line, {
          terminal,
          signal: AbortSignal.any([caller, running.signal]),
        }),
      );
    },
  };
}

export interface StepAccessOptions {
  readonly task: RunTask;
  readonly signal: AbortSignal;
}

/** The command line for the login shell; undefined to start that shell itself. */
function shellLine(interaction: ExecRequest, running: GuestSession): string | undefined {
  const { command, user } = interaction;
  const { guest, profile } = running;
  if (user === undefined || ("name" in user && user.name === guest.loginUser)) {
    return command.length === 0 ? undefined : `exec ${quoteWords(command)}`;
  }
  if (profile.asUser) return profile.asUser(user, command);
  const task: RunTask = {
    kind: "run",
    command: "",
    shell: [],
    workdir: "/",
    user,
    environment: [],
    network: "none",
    caches: [],
    secrets: [],
  };
  return ttyLine(running, { interaction, task });
}

/** The command of a step has no standard input; an interactive one opens its terminal as /dev/tty. */
function ttyLine(
  { profile }: GuestSession,
  { interaction, task }: { readonly interaction: ExecRequest; readonly task: RunTask },
): string {
  const { command, stdio: terminal } = interaction;
  const { tty: screen } = terminal;
  if (!screen) {
    throw new ObError("UNSUPPORTED", "Running a command as another user needs a terminal here.", {
      hint: "Start it from a terminal, or leave out the user.",
    });
  }
  const program = command.length === 0 ? '"${SHELL:-/bin/sh}"' : quoteWords(command);
  const line = `exec ${program} </dev/tty`;
  const withoutTerm = task.environment.filter(([key]) => key !== "TERM");
  const environment = [...withoutTerm, ["TERM", screen.kind] as const];
  // Not by the login shell, which may be no Bourne shell.
  return profile.run({ ...task, command: line, shell: ["/bin/sh", "-c"], environment }).command;
}
