import {
  cancelled,
  type Emit,
  type GuestAccess,
  type GuestVisit,
  type Interaction,
  ObError,
  type ReadArchiveOptions,
  type RunTask,
} from "@ob/core";
import { readArchive } from "../transfer/read-archive.ts";
import { withVmErrors } from "../vm/vm-failure.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import { interact } from "../ssh/interactive.ts";
import { quoteWords } from "../ssh/quote/posix.ts";

export interface EphemeralOptions {
  /** The caller's: fires to end the visit. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly onClose: () => void;
}

/** A guest that belongs to the visit: it goes with it. */
export function openEphemeralGuest(running: GuestSession, options: EphemeralOptions): GuestVisit {
  const { profile, session, vm } = running;
  const closed = new AbortController();
  const close = async (): Promise<void> => {
    closed.abort(cancelled());
    await running[Symbol.asyncDispose]();
    options.onClose();
  };
  // Whoever cancels need not wait until the visitor has noticed.
  options.signal.addEventListener("abort", () => void close(), { once: true });
  const signals = (signal: AbortSignal | undefined): readonly AbortSignal[] => [
    options.signal,
    closed.signal,
    ...(signal ? [signal] : []),
  ];
  return {
    async *readArchive(path: string, { exclude = [], followLink, signal }: ReadArchiveOptions = {}) {
      const caller = AbortSignal.any([...signals(signal)]);
      const reading = readArchive(profile.readArchive(path, exclude, { followLink }), {
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
        interact(session, line, { terminal, signal: AbortSignal.any([caller, running.signal]) }),
      );
    },
    [Symbol.asyncDispose]: close,
  };
}

/** The way into the guest of a step that failed; it goes with the step. */
export function failedStepAccess(running: GuestSession, { task, signal }: StepAccessOptions): GuestAccess {
  return {
    execInteractive: async (interaction, interacting) => {
      const caller = AbortSignal.any([signal, ...(interacting ? [interacting] : [])]);
      const { stdio: terminal, user = task.user } = interaction;
      const line = ttyLine(running, { interaction, task: { ...task, user } });
      return await withVmErrors(running.vm, caller, () =>
        interact(running.session, line, { terminal, signal: AbortSignal.any([caller, running.signal]) }),
      );
    },
  };
}

export interface StepAccessOptions {
  readonly task: RunTask;
  readonly signal: AbortSignal;
}

/** The command line for the login shell; undefined for that shell itself. */
function shellLine(interaction: Interaction, running: GuestSession): string | undefined {
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

/** A step's command reads nothing; a person's gets its terminal back by the name that every session has for it. */
function ttyLine(
  { profile }: GuestSession,
  { interaction, task }: { readonly interaction: Interaction; readonly task: RunTask },
): string {
  const { command, stdio: terminal } = interaction;
  const { tty: screen } = terminal;
  if (!screen) {
    throw new ObError("UNSUPPORTED", "As that user nothing can be run here without a terminal.", {
      hint: "Start it from a terminal, or leave the user out.",
    });
  }
  const program = command.length === 0 ? '"${SHELL:-/bin/sh}"' : quoteWords(command);
  const line = `exec ${program} </dev/tty`;
  const others = task.environment.filter(([key]) => key !== "TERM");
  const environment = [...others, ["TERM", screen.kind] as const];
  return profile.run({ ...task, command: line, shell: [], environment }).command;
}
