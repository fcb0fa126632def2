import type { ErrorCode, FailedStep, ObError } from "@ob/core";

type HintFor = (data: Readonly<Record<string, string>>, error: ObError) => string | undefined;

const hints: Partial<Readonly<Record<ErrorCode, HintFor>>> = {
  STEP_FAILED: (_data, { step, exitCode }) =>
    step &&
    [
      ...statusHints(exitCode),
      logHint(step),
      ...(step.op === "run" ? ["`--on-error=shell` opens a shell where a command fails."] : []),
    ].join(" "),
  BAD_SECRET: ({ secret }) => secret && `Give it with --secret ${secret}:FILE, where FILE holds its value.`,
  TIMEOUT: ({ limit }, { step }) => {
    const more =
      limit === "step"
        ? "`--step-timeout` gives a step more time."
        : `\`--timeout\` gives the ${limit} more time.`;
    return step ? `${logHint(step)} ${more}` : more;
  },
  NO_SUCH_LAYER: () =>
    "`obuilder plan` shows the ids of a spec's layers, and which are in the store. A failed step has no layer.",
  NO_SPACE: ({ reserve }) =>
    "Free some space, or remove old layers with `obuilder prune`." +
    (reserve === undefined ? "" : " `--disk-reserve` sets what must stay free."),
  UNSUPPORTED: ({ option }) => option && optionHints[option],
};

/** The options of the command line for options of libraries whose value cannot be had. */
const optionHints: Readonly<Record<string, string>> = {
  accelerator: "Use --qemu-accel=auto or tcg.",
  diskBus: "Use --qemu-disk-bus=virtio or sata.",
};

/** The hint for a library's error that names commands or options, which libraries do not know. */
export function commandLineHint(error: ObError): string | undefined {
  const { code, data = {} } = error;
  return hints[code]?.(data, error);
}

function logHint({ id }: FailedStep): string {
  return `\`obuilder log ${id.slice(0, 12)}\` prints all of its output.`;
}

/** What the exit status of a command usually means: shells use some for errors of their own. */
function statusHints(status: number | undefined): readonly string[] {
  switch (status) {
    case 126:
      return ["Status 126 usually means that a program may not be run: check its mode and its architecture."];
    case 127:
    // Of cmd on Windows.
    case 9009:
      return [`Status ${status} usually means that a program was not found: is it installed, and in PATH?`];
    case 137:
      return [
        "Status 137 means that SIGKILL ended a program, often because memory ran out: `--qemu-memory` gives the guest more.",
      ];
    case undefined:
    default:
      return [];
  }
}
