import { opNameOf } from "../../../decode-op.ts";
import { copyField, headOf } from "../../../fields.ts";
import type { Range } from "../../../problem.ts";
import type { Finding, LintedSpec, Rule } from "../rule.ts";

/** Ops that change only what later steps get. */
const settings = new Set(["env", "shell", "user", "workdir"]);

export const noEffect: Rule = {
  name: "no-effect",
  severity: "info",
  summary: "a `(workdir …)`, `(user …)`, `(env …)` or `(shell …)` after the last step",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const { ops } of stages) {
      const last = ops.findLastIndex(({ op }) => op.op === "run" || op.op === "copy");
      for (const { op, node } of ops.slice(last + 1)) {
        if (!settings.has(op.op)) continue;
        yield {
          at: node.at,
          message: `no step comes after this (${op.op} ...): it changes the Dockerfile only`,
          hint: "a layer does not keep it: move it up, or remove it",
        };
      }
    }
  },
};

export const oldForm: Rule = {
  name: "old-form",
  severity: "info",
  summary: "a form that only programs write: `(Run (…))`, `(from context)`",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const { node } of stages.flatMap((stage) => stage.ops)) {
      const name = headOf(node);
      const canonical = name === undefined ? undefined : opNameOf(name.text);
      if (name !== undefined && canonical !== undefined && canonical !== name.text) {
        yield {
          at: name.at,
          message: `(${name.text} ...) is the form of programs`,
          hint: `write ${canonical}, without parentheses around all of its fields`,
        };
      }
      const from = canonical === "copy" ? copyField(node, "from") : undefined;
      const source = from?.items[1];
      if (source?.kind !== "atom") continue;
      const at = from?.at ?? node.at;
      yield {
        at,
        message: `(from ${source.text}) is the default`,
        hint: "remove it",
        fix: { title: "Remove it", edits: [{ at: withBlanksBefore(text, at), text: "" }] },
      };
    }
  },
};

/** Not with the end of the line before: that may end a comment. */
function withBlanksBefore(text: string, { start, end }: Range): Range {
  const [blanks = ""] = /[ \t]*$/.exec(text.slice(0, start)) ?? [];
  return { start: start - blanks.length, end };
}
