import type { StepFailure } from "@ob/builder";
import { ObError } from "@ob/core";
import type { OptionTable } from "../args/flags.ts";
import type { ProcessIo } from "../process-io.ts";
import { isInteractive, openLocalTerminal } from "./local-terminal.ts";
import { type Arguments, enumOption } from "../args/options.ts";
import type { Progress } from "../progress/progress.ts";

export const onErrorOptions: OptionTable = {
  "on-error": {
    kind: "value",
    value: "WHAT",
    describe:
      "Where a command fails: stop (default), or shell: first open one in its virtual machine, as it is then",
    group: "Virtual machines:",
  },
};

/** @throws ObError `USAGE` if a shell is asked for where nobody can use it. */
export function readOnError(args: Arguments, io: ProcessIo): "stop" | "shell" {
  const chosen = enumOption(args, "on-error", ["stop", "shell"] as const) ?? "stop";
  if (chosen === "stop" || isInteractive(io)) return chosen;
  throw new ObError("USAGE", "--on-error=shell needs a terminal, and standard input or output is none.", {
    hint: "Leave it out; `obuilder shell ID` opens the layer before the step that fails.",
  });
}

/** Opens a shell in the guest of a step that has failed, and waits for its end. */
export async function openStepShell(
  { error, guest }: StepFailure,
  { io, progress }: { readonly io: ProcessIo; readonly progress: Progress },
): Promise<void> {
  using paused = progress.pause();
  void paused;
  io.stderr.write(
    `${error.message} This is its virtual machine, as the command left it; \`exit\` ends it and the build.\n`,
  );
  using local = openLocalTerminal(io);
  await guest.execInteractive({ command: [], stdio: local.terminal }, io.signal);
}
