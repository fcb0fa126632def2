import { rangeInCommand } from "../places.ts";
import type { Finding, Fix, LintedSpec, PlacedRun, Rule } from "../rule.ts";
import type { ShellCommand } from "../shell-commands.ts";
import type { Word } from "../shell-words.ts";
import { operandsOf } from "./operands.ts";

const installs = new Set(["install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep", "source"]);

export const aptGetUpdate: Rule = {
  name: "apt-get-update",
  severity: "warning",
  summary: "`apt-get update` in another step than `apt-get install`",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const { runs } of stages) {
      const lastInstall = runs.findLastIndex((run) => verbs(run).has("install") && !verbs(run).has("update"));
      for (const run of runs.slice(0, Math.max(0, lastInstall))) {
        const found = verbs(run);
        const update = found.get("update");
        const keepsLists = run.op.caches.some(({ target }) => target.startsWith("/var/lib/apt"));
        if (update === undefined || keepsLists || [...found.keys()].some((verb) => installs.has(verb)))
          continue;
        yield {
          at: rangeInCommand(text, run, rangeOf(update)),
          message: `\`${update.program} update\` without an install: its layer is reused, so later steps install from old lists`,
          hint: `write it into the step of the install: ${update.program} update && ${update.program} install -y ...`,
        };
      }
    }
  },
};

export const aptGetYes: Rule = {
  name: "apt-get-yes",
  severity: "warning",
  summary: "`apt-get install` that asks a question",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const run of stages.flatMap((stage) => stage.runs)) {
      if (/Assume-Yes|\byes\s*\|/i.test(run.op.command)) continue;
      for (const command of run.commands) {
        if (command.isConditional || verbOf(command) !== "install" || isAnswered(command)) continue;
        yield {
          at: rangeInCommand(text, run, rangeOf(command)),
          message: `\`${command.program} install\` may ask whether to continue, and nobody answers: the step then fails`,
          hint: `write ${command.program} install -y`,
          fix: withYes(text, run, command),
        };
      }
    }
  },
};

/** Not where the word is written with escapes, whose place is not known. */
function withYes(text: string, run: PlacedRun, command: ShellCommand): Fix | undefined {
  const verb = verbWordOf(command);
  if (verb === undefined) return undefined;
  const { start, end } = rangeInCommand(text, run, verb);
  if (text.slice(start, end) !== verb.text) return undefined;
  return { title: "Add -y", edits: [{ at: { start: end, end }, text: " -y" }] };
}

/** The commands of apt in a step, by their verbs. */
function verbs(run: PlacedRun): ReadonlyMap<string, ShellCommand> {
  return new Map(
    run.commands.flatMap((command) => {
      const verb = verbOf(command);
      return verb === undefined ? [] : [[verb, command] as const];
    }),
  );
}

function verbOf(command: ShellCommand): string | undefined {
  return verbWordOf(command)?.text;
}

function verbWordOf(command: ShellCommand): Word | undefined {
  if (!["apt-get", "apt", "aptitude"].includes(command.program)) return undefined;
  return operandsOf(command, /^-[oct]$/)[0];
}

function isAnswered({ words }: ShellCommand): boolean {
  return words.some(
    ({ text, isDynamic }) =>
      isDynamic ||
      /^--(?:yes|assume-yes|assume-no|simulate|just-print|dry-run|download-only|force-yes)$/.test(text) ||
      /^-[a-zA-Z]*[ysd]/.test(text) ||
      /^-[a-z]*q[a-z]*q|^-q=2$/.test(text),
  );
}

function rangeOf({ words }: ShellCommand) {
  const [first, second = first] = words;
  return { start: first?.start ?? 0, end: second?.end ?? 0 };
}
