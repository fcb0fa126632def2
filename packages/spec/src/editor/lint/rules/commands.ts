import { rangeInCommand, valueOf } from "../places.ts";
import type { Finding, LintedSpec, Rule } from "../rule.ts";

const changes = new Set(["cd", "export", "pushd", "popd", "set", "umask", "alias", "unset"]);

export const lostChange: Rule = {
  name: "lost-change",
  severity: "warning",
  summary: "a `run` that only changes its own shell",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const run of stages.flatMap((stage) => stage.runs)) {
      const { commands, op } = run;
      const changing = commands.filter(({ program }) => changes.has(program));
      const [first] = changing;
      // `export A=$(make)` does something, and so does what was not understood.
      if (
        first === undefined ||
        changing.length < commands.length ||
        /[$`(<>|]|[A-Za-z_]\w*\s*\(\)/.test(op.command)
      )
        continue;
      const names = new Set(changing.map(({ program }) => program));
      yield {
        at: valueOf(run, "shell", 0).at,
        message: `\`${[...names].join("` and `")}\` ends with this command's shell: no later step sees it`,
        hint: names.has("cd")
          ? "write (workdir DIR) for the directory of later steps"
          : "write (env KEY VALUE) for a variable of later steps",
      };
    }
  },
};

/** What cmd or PowerShell understands and bash does not. */
const windowsSyntax =
  /^(?:@echo |(?:dir|copy|del|rd|md|type|move|ren) |[A-Z][a-z]+-[A-Z][A-Za-z]+(?: |$)|\$env:)|%[A-Z_]+%/;

export const windowsShell: Rule = {
  name: "windows-shell",
  severity: "warning",
  summary: "a command of Windows without a `(shell …)` for it",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const { spec, runs } of stages) {
      if (!/windows/i.test(spec.from)) continue;
      for (const run of runs) {
        const found = windowsSyntax.exec(run.op.command);
        if (run.shell.length > 0 || found === null) continue;
        const end = found.index + found[0].trimEnd().length;
        yield {
          at: rangeInCommand(text, run, { start: found.index, end }),
          message: `\`${found[0].trim()}\` is not a command of the login shell, which is bash on Windows too`,
          hint: "write (shell cmd /S /C) or (shell powershell -Command) before this step",
        };
      }
    }
  },
};
