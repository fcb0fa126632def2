import type { Op, Spec } from "./ast.ts";
import { copyField } from "./fields.ts";
import { showAtom } from "./near-name.ts";
import type { Problem } from "./problem.ts";
import type { ListNode } from "./sexp-tree.ts";

/** What a reader of a valid spec may not mean: patterns in `(exclude ...)`, which takes names, and args without braces. */
export function warningsOf(origins: ReadonlyMap<Op | Spec, ListNode>): readonly Problem[] {
  return [...patterns(origins), ...bareArgs(origins)];
}

function patterns(origins: ReadonlyMap<Op | Spec, ListNode>): readonly Problem[] {
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

/** `$NAME` of an arg, in a text where a Dockerfile would expand it. */
function bareArgs(origins: ReadonlyMap<Op | Spec, ListNode>): readonly Problem[] {
  const names = new Set<string>();
  for (const op of origins.keys()) if ("op" in op && op.op === "arg") names.add(op.name);
  if (names.size === 0) return [];
  return [...origins].flatMap(([item, { at }]) =>
    expandedTexts(item).flatMap((text) =>
      [...text.matchAll(/(?<!\\)\$([A-Za-z_][A-Za-z0-9_]*)/g)]
        .filter(([, name = ""]) => names.has(name))
        .map(([written, name]) => ({
          at,
          message: `${showAtom(written)} is text, and not the value of the arg`,
          hint: `write \${${name}} for its value`,
        })),
    ),
  );
}

function expandedTexts(item: Op | Spec): readonly string[] {
  if (!("op" in item)) return [item.from];
  switch (item.op) {
    case "workdir":
      return [item.directory];
    case "env":
      return [item.value];
    case "copy":
      return [...item.sources, item.destination];
    case "user":
      return "name" in item.user ? [item.user.name] : [];
    case "arg":
      return item.default === undefined ? [] : [item.default];
    case "comment":
    case "shell":
    case "run":
      return [];
  }
}
