import type { StepFailure } from "@ob/builder";
import { ObError } from "@ob/core";
import type { OptionTable } from "../args/flags.ts";
import type { ProcessIo } from "../process-io.ts";
import { isInteractive, openLocalTerminal } from "./local-terminal.ts";
import { type Arguments, enumOption } from "../args/options.ts";
import type { Progress } from "../progress/progress.ts";

const reactions = ["stop", "shell"] as const;

export const onErrorOptions: OptionTable = {
  "on-error": {
    kind: "value",
    value: "WHAT",
    describe: "When a command fails: stop (default), or shell: open a shell in its VM first",
    group: "VM:",
    complete: reactions,
  },
};

/** @throws ObError `USAGE` if a shell is asked for without a terminal. */
export function readOnError(args: Arguments, io: ProcessIo): "stop" | "shell" {
  const chosen = enumOption(args, "on-error", reactions) ?? "stop";
  if (chosen === "stop" || isInteractive(io)) return chosen;
  throw new ObError("USAGE", "--on-error=shell needs a terminal for standard input and output.", {
    hint: "Omit it; `obuilder shell ID` opens the layer before the failing step.",
  });
}

/** Opens a shell in the guest of a step that has failed, and waits for its end. */
export async function openStepShell(
  { error, guest }: StepFailure,
  { io, progress }: { readonly io: ProcessIo; readonly progress: Progress },
): Promise<void> {
  using _ = progress.pause();
  io.stderr.write(
    `${error.message} This shell runs in its VM, as the command left it; \`exit\` ends the VM and the build.\n`,
  );
  using local = openLocalTerminal(io);
  await guest.execInteractive({ command: [], stdio: local.terminal }, io.signal);
}
