import { showAtom } from "../../../near-name.ts";
import { warningsOf } from "../../../warnings.ts";
import { fieldOf, rangeInCommand, valueOf } from "../places.ts";
import type { Node } from "../../../sexp-tree.ts";
import type { Finding, Fix, LintedSpec, Rule } from "../rule.ts";
import type { ShellCommand } from "../shell-commands.ts";
import { operandsOf } from "./operands.ts";

export const doubledDirectory: Rule = {
  name: "doubled-directory",
  severity: "warning",
  summary: "`(src data) (dst data/)`, which makes `data/data`",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const placed of stages.flatMap((stage) => stage.copies)) {
      const { sources, destination } = placed.op;
      const [source = ""] = sources;
      const name = nameOf(source);
      const isDoubled =
        sources.length === 1 && destination.endsWith("/") && name !== "" && nameOf(destination) === name;
      if (!isDoubled || name === "." || name === "..") continue;
      yield {
        at: valueOf(placed, "dst", 0).at,
        message: `a dst with a / at its end is a directory to copy into: this makes ${showAtom(`${destination}${name}`)}`,
        hint: `write (dst ${destination.replace(/\/+$/, "")}) to make that directory itself`,
      };
    }
  },
};

function nameOf(path: string): string {
  return path.split("/").findLast((part) => part !== "") ?? "";
}

export const globInPath: Rule = {
  name: "glob-in-path",
  severity: "warning",
  summary: "a pattern in `(src …)`, which takes names",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const placed of stages.flatMap((stage) => stage.copies)) {
      for (const [index, source] of placed.op.sources.entries()) {
        if (!/[*?]|\[[^\]]+\]/.test(source)) continue;
        yield {
          at: valueOf(placed, "src", index).at,
          message: `(src ...) takes names of files and directories: ${showAtom(source)} is not read as a pattern`,
          hint: "name the files, or copy their directory and leave out the others with (exclude ...) or an ignore file",
        };
      }
    }
  },
};

export const sourceOutside: Rule = {
  name: "source-outside",
  severity: "error",
  summary: "a `..` in `(src …)`",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const placed of stages.flatMap((stage) => stage.copies)) {
      for (const [index, source] of placed.op.sources.entries()) {
        if (!source.split("/").includes("..")) continue;
        yield {
          at: valueOf(placed, "src", index).at,
          message: `${showAtom(source)} has a "..", which is refused`,
          hint:
            placed.op.from.kind === "context"
              ? "build with a source directory that has all of the files, and name them from there"
              : "write the path from the root of the build",
        };
      }
    }
  },
};

export const severalSources: Rule = {
  name: "several-sources",
  severity: "error",
  summary: "several sources with a `dst` that is not a directory",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const placed of stages.flatMap((stage) => stage.copies)) {
      const { sources, destination } = placed.op;
      if (sources.length === 0) {
        yield {
          at: fieldOf(placed, "src").at,
          message: "this copy has no source",
          hint: "write (src .) for all",
        };
      }
      if (sources.length < 2 || destination.endsWith("/")) continue;
      yield {
        at: valueOf(placed, "dst", 0).at,
        message: `${sources.length} sources cannot all become ${showAtom(destination)}`,
        hint: `write a / at its end: ${showAtom(`${destination}/`)}`,
        fix: withSlash(text, valueOf(placed, "dst", 0)),
      };
    }
  },
};

function withSlash(text: string, destination: Node): Fix | undefined {
  if (destination.kind !== "atom") return undefined;
  const end = destination.at.end - (text[destination.at.end - 1] === '"' ? 1 : 0);
  return { title: "Write a / at its end", edits: [{ at: { start: end, end }, text: "/" }] };
}

export const excludePattern: Rule = {
  name: "exclude-pattern",
  severity: "warning",
  summary: "a pattern in `(exclude …)`, which takes names",
  check: ({ stages }) =>
    warningsOf(new Map(stages.flatMap((stage) => stage.copies.map(({ op, node }) => [op, node] as const)))),
};

/** Commands that install what a file of the project lists, and part of the name of that file. */
const dependencyInstalls: readonly (readonly [program: RegExp, verbs: readonly string[], file: string])[] = [
  [/^npm$/, ["ci", "install"], "package.json"],
  [/^(?:pnpm|yarn)$/, ["install"], "package.json"],
  [/^bundle$/, ["install"], "Gemfile"],
  [/^composer$/, ["install"], "composer.json"],
  [/^go$/, ["mod"], "go.mod"],
  [/^cargo$/, ["fetch"], "Cargo.toml"],
];

export const copyBeforeDependencies: Rule = {
  name: "copy-before-dependencies",
  severity: "info",
  summary: "a copy of all files before the dependencies are installed",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const { ops, runs } of stages) {
      const all = ops.findIndex(
        ({ op }) =>
          op.op === "copy" && op.from.kind === "context" && op.sources.length === 1 && op.sources[0] === ".",
      );
      const copy = ops[all];
      if (copy === undefined) continue;
      const later = new Set(ops.slice(all + 1).map(({ op }) => op));
      for (const run of runs.filter(({ op }) => later.has(op))) {
        const found = run.commands.map((command) => ({ command, file: dependencyFileOf(command) }));
        const install = found.find(({ file }) => file !== undefined);
        const [first, second = first] = install?.command.words ?? [];
        if (install?.file === undefined || first === undefined || second === undefined) continue;
        yield {
          at: rangeInCommand(text, run, { start: first.start, end: second.end }),
          message: `\`${first.text} ${second.text}\` after (copy (src .) ...) runs again whenever any file changes`,
          hint: `copy ${install.file} and its like first, install, and then copy the rest`,
        };
      }
    }
  },
};

function dependencyFileOf(command: ShellCommand): string | undefined {
  const [verb, ...names] = operandsOf(command);
  const found = dependencyInstalls.find(
    ([program, verbs]) => program.test(command.program) && verbs.includes(verb?.text ?? ""),
  );
  // `npm install PACKAGE` installs that package.
  return verb?.text === "install" && names.length > 0 ? undefined : found?.[2];
}
