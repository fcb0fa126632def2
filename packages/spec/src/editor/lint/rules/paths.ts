import { showAtom } from "../../../near-name.ts";
import type { Range } from "../../../problem.ts";
import { atomToMachine } from "../../../sexp-print.ts";
import type { Node } from "../../../sexp-tree.ts";
import { argumentOf, targetOf, valueOf } from "../places.ts";
import type { Finding, Fix, LintedSpec, PlacedOp, Rule } from "../rule.ts";

export const relativeWorkdir: Rule = {
  name: "relative-workdir",
  severity: "warning",
  summary: "a `(workdir …)` that depends on the ones before it",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const { ops } of stages) {
      let before = "/";
      for (const placed of ops) {
        if (placed.op.op !== "workdir") continue;
        const { directory } = placed.op;
        const isWhole = /^(?:\/|[a-z]:[\\/]|~|\$)/i.test(directory);
        const whole = isWhole ? directory : `${before.replace(/\/$/, "")}/${directory}`;
        before = whole;
        if (isWhole) continue;
        const node = argumentOf(placed, 0);
        yield {
          at: node.at,
          message: `${showAtom(directory)} is below the directory of the (workdir ...) before it, or below /`,
          hint: "write the whole path",
          fix: node.kind === "atom" ? withWholePath(node.at, whole) : undefined,
        };
      }
    }
  },
};

/** The same directory, and so the same ids. Not where a value or a drive is in the path: another rule joins them. */
function withWholePath(at: Range, whole: string): Fix | undefined {
  if (!/^\/[^$\\]*$/.test(whole)) return undefined;
  return { title: "Write the whole path", edits: [{ at, text: atomToMachine(whole) }] };
}

/** A text that is used as it is, and a word for it. */
interface Literal {
  readonly text: string;
  readonly node: Node;
  readonly isPath: boolean;
}

export const unexpandedVariable: Rule = {
  name: "unexpanded-variable",
  severity: "warning",
  summary: "a `$NAME` or `~` where nothing expands it",
  *check({ stages, parameters }: LintedSpec): Iterable<Finding> {
    for (const placed of stages.flatMap((stage) => stage.ops)) {
      for (const { text, node, isPath } of literalsOf(placed)) {
        const [found, braced, plain] = /(?<!\\)\$(?:\{(\w+)[^}]*\}|([A-Za-z_]\w*))/.exec(text) ?? [];
        const name = braced ?? plain;
        if (found !== undefined && name !== undefined && !parameters.has(name)) {
          yield {
            at: node.at,
            message: `${showAtom(found)} is not expanded here: it stays as it is written`,
            hint: isPath
              ? "write the whole path"
              : "write the value; commands can set variables that depend on others",
          };
        } else if (isPath && /^~(?:\w*\/|$)/.test(text)) {
          yield {
            at: node.at,
            message: "~ is not expanded here: it is a directory of that name",
            hint: "write the whole path, such as /root or /home/NAME",
          };
        }
      }
    }
  },
};

function* literalsOf(placed: PlacedOp): Iterable<Literal> {
  const { op } = placed;
  if (op.op === "workdir") yield { text: op.directory, node: argumentOf(placed, 0), isPath: true };
  if (op.op === "env") yield { text: op.value, node: argumentOf(placed, 1), isPath: false };
  if (op.op === "copy") {
    yield { text: op.destination, node: valueOf(placed, "dst", 0), isPath: true };
    for (const [index, text] of op.sources.entries()) {
      yield { text, node: valueOf(placed, "src", index), isPath: true };
    }
  }
  if (op.op !== "run") return;
  for (const [index, { target }] of op.caches.entries()) {
    yield { text: target, node: targetOf(placed, "cache", index), isPath: true };
  }
  for (const [index, { target }] of op.secrets.entries()) {
    yield { text: target, node: targetOf(placed, "secrets", index), isPath: true };
  }
}
