import { showAtom } from "../../../near-name.ts";
import type { Range } from "../../../problem.ts";
import { argumentOf, rangeInCommand, valueOf } from "../places.ts";
import type { Finding, LintedSpec, Rule } from "../rule.ts";

/** Texts that are credentials, whatever is around them. */
const credentials: readonly (readonly [what: string, RegExp])[] = [
  ["a key of AWS", /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ["a token of GitHub", /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})/],
  ["a token of GitLab", /\bglpat-[\w-]{20,}/],
  ["a token of npm", /\bnpm_[A-Za-z0-9]{36}\b/],
  ["a token of Slack", /\bxox[abeoprs]-[\w-]{10,}/],
  ["a private key", /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ["a password in a URL", /\b(?:https?|ftp|ssh|git):\/\/[^\s/:@$'"]*:(?![^\s/@]*[$`{<])[^\s/@'"]+@/],
  ["a bearer token", /\bAuthorization: *(?:Bearer|Basic|token) +[\w.~+/=-]{16,}/i],
];

/** The name of a variable whose value is a credential. `KEY` alone is usually none. */
const secretName =
  /(?:^|_|^PG)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)$/i;

/** An assignment of a literal value to such a variable. */
const assignment = /(?:^|[\s;&|(])([A-Za-z_]\w*)=(["']?)([^\s"'$`;&|()<>]{8,})\2(?=$|[\s;&|)])/g;

const hint =
  "whoever has the spec or the layer has it: request it with (secrets (ID (target PATH))), and read that file";

export const secretInCommand: Rule = {
  name: "secret-in-command",
  severity: "warning",
  summary: "a password, token or key in a command or a variable",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const stage of stages) {
      for (const run of stage.runs) {
        const found = inText(run.op.command) ?? assigned(run.op.command);
        if (found === undefined) continue;
        yield { at: rangeInCommand(text, run, found.at), message: `${found.what} in a command`, hint };
      }
      for (const placed of stage.ops) {
        if (placed.op.op !== "env") continue;
        const { key, value } = placed.op;
        const what =
          inText(value)?.what ??
          (secretName.test(key) && isLiteral(value) ? `the value of ${key}` : undefined);
        if (what !== undefined)
          yield { at: argumentOf(placed, 1).at, message: `${what} in a variable`, hint };
      }
    }
  },
};

function inText(text: string): { readonly what: string; readonly at: Range } | undefined {
  for (const [what, pattern] of credentials) {
    const found = pattern.exec(text);
    if (found !== null) return { what, at: { start: found.index, end: found.index + found[0].length } };
  }
  return undefined;
}

function assigned(command: string): { readonly what: string; readonly at: Range } | undefined {
  for (const found of command.matchAll(assignment)) {
    const [whole, name = "", , value = ""] = found;
    if (!secretName.test(name) || !isLiteral(value)) continue;
    const end = found.index + whole.length;
    return { what: `the value of ${name}`, at: { start: found.index + whole.indexOf(name), end } };
  }
  return undefined;
}

/** False for what is read elsewhere, for a path and for an example. */
function isLiteral(value: string): boolean {
  return (
    value.length >= 8 &&
    !/[$`]|^[/~.]|^[A-Za-z]:[\\/]|^<.*>$|^(?:x+|\*+|changeme|example.*|placeholder)$/i.test(value)
  );
}

/** Programs that read no file of a secret. */
const readNothing = new Set(
  "apk apt apt-get chmod chown cp dnf echo ln ls mkdir mv printf pwd rm touch true useradd usermod yum".split(
    " ",
  ),
);

export const unusedSecret: Rule = {
  name: "unused-secret",
  severity: "warning",
  summary: "a secret that the command does not read",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const run of stages.flatMap((stage) => stage.runs)) {
      const { op, commands } = run;
      if (commands.length === 0 || !commands.every(({ program }) => readNothing.has(program))) continue;
      for (const [index, { id, target }] of op.secrets.entries()) {
        const name = target.slice(target.lastIndexOf("/") + 1);
        if ([target, name, "$", "`", "/run/secrets"].some((part) => op.command.includes(part))) continue;
        yield {
          at: valueOf(run, "secrets", index).at,
          message: `the command does not read the secret ${showAtom(id)}`,
          hint: "remove it: a secret is part of the step's id, so another value makes the step run again",
        };
      }
    }
  },
};
