import type { NestedBuild } from "../../ast.ts";
import { copyField, headOf } from "../../fields.ts";
import type { Range } from "../../problem.ts";
import type { AtomNode, ListNode, Node } from "../../sexp-tree.ts";
import { rangeInAtom } from "./atom-range.ts";
import type { PlacedOp, PlacedRun, Stage } from "./rule.ts";

/** Where a value of a field of `run` or `copy` is, such as the second path in `(src ...)`; the op if it is not found. */
export function valueOf({ node }: PlacedOp, field: string, index: number): Node {
  return copyField(node, field)?.items[index + 1] ?? node;
}

/** Where a field of `run` or `copy` is; the op if it has none. */
export function fieldOf({ node }: PlacedOp, field: string): Node {
  return copyField(node, field) ?? node;
}

/** Where the target of a cache or a secret is. */
export function targetOf(placed: PlacedOp, field: "cache" | "secrets", index: number): Node {
  const mount = valueOf(placed, field, index);
  const target =
    mount.kind === "list" ? mount.items.find((item) => headOf(item)?.text === "target") : undefined;
  return (target?.kind === "list" ? target.items[1] : target) ?? mount;
}

/** Where the argument of an op such as `(workdir DIR)` is, by its index; also in `(Env (KEY VALUE))`. */
export function argumentOf({ node }: PlacedOp, index: number): Node {
  const [, inner] = node.items;
  const list =
    inner?.kind === "list" && headOf(inner) !== undefined ? [undefined, ...inner.items] : node.items;
  return list[index + 1] ?? node;
}

/** Where a part of a command is. */
export function rangeInCommand(text: string, run: PlacedRun, part: Range): Range {
  const command = valueOf(run, "shell", 0);
  return command.kind === "atom" ? rangeInAtom(text, command, part) : command.at;
}

/** Where the name of a nested build is. */
export function buildNameOf({ node, spec }: Stage, build: NestedBuild): Range {
  const lists = node.items.filter((item): item is ListNode => headOf(item)?.text === "build");
  return (lists[spec.builds.indexOf(build)]?.items[1] ?? node).at;
}

export function isAtom(node: Node): node is AtomNode {
  return node.kind === "atom";
}
