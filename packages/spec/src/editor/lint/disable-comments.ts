import type { Range } from "../../problem.ts";
import { readSourceTree, type SourceNode, isComment } from "../format/source-tree.ts";

/** A comment `; obuilder-lint-disable RULE...`. */
export interface DisableComment {
  /** The names, with their places. */
  readonly rules: readonly { readonly name: string; readonly at: Range }[];
  /** The comment itself. */
  readonly at: Range;
  /** The expression that it is about: the one that it is behind, on its line, or else the next one. */
  readonly about: Range | undefined;
}

const directive = /^(?:;+|#\|)\s*obuilder-lint-disable(?![\w-])/;

/** The comments of a valid text that disable rules. */
export function disableComments(text: string): readonly DisableComment[] {
  if (!text.includes("obuilder-lint-disable")) return [];
  const found: DisableComment[] = [];
  const pending: (readonly SourceNode[])[] = [readSourceTree(text)];
  for (let nodes = pending.pop(); nodes !== undefined; nodes = pending.pop()) {
    for (const [index, node] of nodes.entries()) {
      if (node.kind === "list") pending.push(node.items);
      if (!isComment(node)) continue;
      const [start] = directive.exec(node.text) ?? [];
      if (start === undefined) continue;
      const names = [
        ...node.text
          .slice(start.length)
          .replace(/\|#$/, "  ")
          .matchAll(/[^\s,]+/g),
      ];
      const offset = node.start + start.length;
      const rules = names.map(({ 0: name, index: at }) => ({
        name,
        at: { start: offset + at, end: offset + at + name.length },
      }));
      const before = nodes.slice(0, index).findLast((each) => !isComment(each));
      const isBehind = before !== undefined && !text.slice(before.end, node.start).includes("\n");
      const about = isBehind ? before : nodes.slice(index + 1).find((each) => !isComment(each));
      found.push({ rules, at: { start: node.start, end: node.end }, about });
    }
  }
  return found;
}
