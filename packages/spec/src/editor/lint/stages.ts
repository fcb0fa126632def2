import type { Op, Spec } from "../../ast.ts";
import type { Decoded } from "../../decode.ts";
import { headOf } from "../../fields.ts";
import type { ListNode } from "../../sexp-tree.ts";
import type { LintedSpec, PlacedOp, PlacedRun, Stage } from "./rule.ts";
import { shellCommands } from "./shell-commands.ts";

/** The stages of a valid spec. Each nested spec comes before the one that it is in. */
export function lintedSpec(text: string, { spec, origins }: Decoded): LintedSpec {
  const stages: Stage[] = [];
  const parameters = new Set<string>();
  const pending: Spec[] = [spec];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const node = origins.get(next);
    if (node !== undefined) {
      stages.push(stageOf(next, node, origins));
      for (const name of parametersOf(node)) parameters.add(name);
    }
    pending.push(...next.builds.map((build) => build.spec));
  }
  return { text, stages: stages.toReversed(), parameters };
}

function stageOf(spec: Spec, node: ListNode, origins: ReadonlyMap<Op | Spec, ListNode>): Stage {
  const ops = spec.ops.flatMap((op): readonly PlacedOp[] => {
    const origin = origins.get(op);
    return origin === undefined ? [] : [{ op, node: origin }];
  });
  return {
    spec,
    node,
    ops,
    runs: runsOf(ops),
    copies: ops.flatMap(({ op, node: at }) => (op.op === "copy" ? [{ op, node: at }] : [])),
  };
}

function runsOf(ops: readonly PlacedOp[]): readonly PlacedRun[] {
  let shell: readonly string[] = [];
  const runs: PlacedRun[] = [];
  for (const { op, node } of ops) {
    if (op.op === "shell") shell = op.arguments;
    if (op.op !== "run") continue;
    runs.push({ op, node, shell, commands: isPosixShell(shell) ? shellCommands(op.command) : [] });
  }
  return runs;
}

/** True for the login shell, and for one such as `/usr/bin/env bash -c`. */
function isPosixShell(shell: readonly string[]): boolean {
  return shell.length === 0 || shell.some((word) => /(?:^|[\\/])(?:ba|da|k|mk|z|a)?sh(?:\.exe)?$/.test(word));
}

/** The names of `(arg NAME ...)` in a spec. */
function parametersOf(node: ListNode): readonly string[] {
  return node.items.flatMap((item) => {
    const name = item.kind === "list" && headOf(item)?.text === "arg" ? item.items[1] : undefined;
    return name?.kind === "atom" ? [name.text] : [];
  });
}
