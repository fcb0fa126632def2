import type { Op, Spec } from "./ast.ts";
import { headOf } from "./fields.ts";
import type { Range } from "./problem.ts";
import type { ListNode, Node } from "./sexp-tree.ts";
import { positionsIn, type SourceText } from "./source-text.ts";
import { excerpt } from "./spec-error.ts";

/** A position in a spec's text. Line and column count from 1; a column is a character, not a byte. */
export interface SpecLocation {
  /** The name that the text was parsed with. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A part of an op or a spec: a field such as `network`, or one of its values. */
export interface SpecPart {
  readonly field: string;
  /** The value with that index in the field; by default the whole field. */
  readonly value?: number | undefined;
}

/** The text of a parsed spec. It knows where each op of the spec is. */
export interface SpecSource {
  /**
   * The position of an op of the spec, of the spec itself or of one of its nested specs. A part that the text does not
   * have is located at its op. Undefined for an object that was not parsed from this text.
   */
  locate(item: Op | Spec, part?: SpecPart): SpecLocation | undefined;
  /** The line at that position, with carets below the part; empty for an object that was not parsed from this text. */
  excerpt(item: Op | Spec, part?: SpecPart): string;
}

export function specSource(source: SourceText, origins: ReadonlyMap<Op | Spec, ListNode>): SpecSource {
  const find = (item: Op | Spec, part: SpecPart | undefined): Range | undefined => {
    const origin = origins.get(item);
    const found = origin && part ? partOf(origin, part) : origin;
    return (found ?? origin)?.at;
  };
  const positionOf = positionsIn(source);
  return {
    locate(item, part) {
      const at = find(item, part);
      return at && { file: source.file, ...positionOf(at.start) };
    },
    excerpt(item, part) {
      const at = find(item, part);
      return at === undefined ? "" : excerpt(source, at).join("\n");
    },
  };
}

/** The source of items that were made of those of a parsed spec. */
export function derivedSource(source: SpecSource, origins: ReadonlyMap<Op | Spec, Op | Spec>): SpecSource {
  return {
    locate: (item, part) => source.locate(origins.get(item) ?? item, part),
    excerpt: (item, part) => source.excerpt(origins.get(item) ?? item, part),
  };
}

function partOf(origin: ListNode, { field, value }: SpecPart): Node | undefined {
  const found = fieldIn(origin.items, field);
  if (value === undefined || found?.kind !== "list") return found;
  return found.items[value + 1] ?? found;
}

/** Of `(Run ((network ...)))` too, whose fields are in a list of their own. */
function fieldIn(items: readonly Node[], name: string): Node | undefined {
  const found = items.find((item) => headOf(item)?.text === name);
  const [, inner] = items;
  if (found !== undefined || items.length !== 2 || inner?.kind !== "list") return found;
  return headOf(inner) === undefined ? inner.items.find((item) => headOf(item)?.text === name) : undefined;
}
