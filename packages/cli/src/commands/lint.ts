import { ObError } from "@ob/core";
import type { LintProblem, Severity } from "@ob/spec/editor";
import { enumOption, specOptions } from "../args/options.ts";
import { type SpecFile, specFiles, specFilesArgument } from "../args/spec-files.ts";
import { exitCodes } from "../exit-codes.ts";
import { formatTable } from "../output/format-table.ts";
import { jsonLine, printable } from "../output/printable.ts";
import { renderEach } from "../output/render-each.ts";
import { replaceFile } from "../output/replace-file.ts";
import type { Command } from "./command.ts";

const output = "Output:";
const severities = ["error", "warning", "info"] as const satisfies readonly Severity[];
const limits = [...severities, "never"] as const;
const formats = ["text", "json", "github"] as const;

export const lint: Command = {
  description:
    "Finds what is valid in specs and probably not meant, such as a secret in a command. docs/lint.md explains each rule. " +
    "A comment `; obuilder-lint-disable RULE` disables a rule for the next operation, or for the one before it on its line.",
  positionals: [],
  rest: specFilesArgument,
  options: {
    ...specOptions,
    json: {
      kind: "flag",
      describe:
        'One object per line: {"file","line","column","endLine","endColumn","severity","rule","message","hint","fixable"}',
      group: output,
    },
    format: {
      kind: "value",
      value: "HOW",
      complete: formats,
      describe: "text (default), json (the same as --json), or github: workflow commands for GitHub Actions",
      group: output,
    },
    "fail-on": {
      kind: "value",
      value: "SEVERITY",
      complete: limits,
      describe: "The least severity that makes the exit code 1: error, warning (default), info; or never",
      group: output,
    },
    rules: { kind: "flag", describe: "List the rules", group: output },
    fix: {
      kind: "flag",
      describe: "Mend in the files what has one answer, and print what is left",
      group: output,
    },
  },
  examples: [
    ["obuilder lint example.spec", ""],
    ["obuilder lint --format=github .", "all files *.spec in this directory and below, in GitHub Actions"],
    ["obuilder lint --fix .", "mend what can be mended"],
    ["obuilder lint --json --fail-on=never - < example.spec", ""],
  ],

  async run(args, { io, color }) {
    const { lintRules, lintSource } = await import("@ob/spec/editor");
    if (args["rules"] === true) {
      const rows = lintRules.map(({ name, severity, summary }) => [name, severity, summary]);
      io.stdout.write(formatTable(["RULE", "SEVERITY", "FINDS"], { rows, left: [0, 1, 2] }));
      return exitCodes.ok;
    }
    const format = enumOption(args, "format", formats) ?? "text";
    const limit = enumOption(args, "fail-on", limits) ?? "warning";
    const print = printers[args["json"] === true ? "json" : format];
    let counts = false;
    let isBadSpec = false;
    const files = await specFiles(args, io);
    const fixes = args["fix"] === true;
    if (fixes && files.some((file) => file.path === undefined)) {
      throw new ObError("USAGE", "Standard input cannot be mended.", {
        hint: "Omit --fix, or name a file.",
      });
    }
    const failed = await renderEach(files, { io, color }, async (file) => {
      const given = await file.read();
      const text = fixes ? await fixFile(file, given) : given;
      for (const problem of lintSource(text)) {
        io.stdout.write(`${await print(problem, { file, text })}\n`);
        isBadSpec ||= problem.rule === undefined;
        counts ||= limit !== "never" && severities.indexOf(problem.severity) <= severities.indexOf(limit);
      }
    });
    if (failed !== undefined) return failed;
    if (isBadSpec) return exitCodes.badSpec;
    return counts ? exitCodes.found : exitCodes.ok;
  },
};

/** Writes what is mended to the file. Returns its text as it then is. */
async function fixFile({ path }: SpecFile, given: Uint8Array): Promise<Uint8Array> {
  const [{ fixSource }, { toBytes }] = await Promise.all([import("@ob/spec/editor"), import("@ob/spec")]);
  const { text, fixed } = fixSource(given);
  if (fixed === 0 || path === undefined) return given;
  const bytes = Buffer.from(toBytes(text));
  await replaceFile(path, bytes);
  return bytes;
}

type Print = (
  problem: LintProblem,
  source: { readonly file: SpecFile; readonly text: Uint8Array },
) => string | Promise<string>;

const printers: Readonly<Record<"text" | "json" | "github", Print>> = {
  text: async (problem, { file, text }) => {
    const { renderLintProblem } = await import("@ob/spec/editor");
    return `${printable(renderLintProblem(problem, { file: file.name, text }))}\n`;
  },
  json: ({ severity, rule, message, hint, fix, start, end }, { file }) =>
    jsonLine({
      ...{
        file: file.name,
        line: start.line,
        column: start.column,
        endLine: end.line,
        endColumn: end.column,
      },
      ...{ severity, rule: rule ?? null, message, hint: hint ?? null, fixable: fix !== undefined },
    }),
  github: ({ severity, rule, message, hint, start, end }, { file }) => {
    const command = severity === "info" ? "notice" : severity;
    const properties = {
      file: file.name,
      ...{ line: start.line, col: start.column, endLine: end.line, endColumn: end.column },
      ...(rule !== undefined && { title: rule }),
    };
    const list = Object.entries(properties).map(
      ([name, value]) => `${name}=${escapeProperty(String(value))}`,
    );
    const text = escapeData(message + (hint === undefined ? "" : `\nhint: ${hint}`));
    return printable(`::${command} ${list.join(",")}::${text}`);
  },
};

/** As the toolkit of GitHub Actions escapes what a line of its workflow commands cannot hold. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
