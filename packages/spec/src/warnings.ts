import type { Op, Spec } from "./ast.ts";
import { copyField } from "./fields.ts";
import { showAtom } from "./near-name.ts";
import type { Problem } from "./problem.ts";
import type { ListNode } from "./sexp-tree.ts";

/** What a reader of a valid spec may not mean: patterns in `(exclude ...)`, which takes names. */
export function warningsOf(origins: ReadonlyMap<Op | Spec, ListNode>): readonly Problem[] {
  const found: Problem[] = [];
  for (const [op, node] of origins) {
    if (!("op" in op) || op.op !== "copy") continue;
    for (const value of copyField(node, "exclude")?.items.slice(1) ?? []) {
      if (value.kind !== "atom" || !/[*?[\]/]|^!/.test(value.text)) continue;
      found.push({
        at: value.at,
        message: `(exclude ...) takes names of files and directories: ${showAtom(value.text)} is not read as a pattern or a path`,
        hint:
          op.from.kind === "context"
            ? "write patterns and paths into a file .obuilderignore in the source directory"
            : "copy single directories of the build with (src ...)",
      });
    }
  }
  return found;
}
