import { itemNames, listFields } from "./keywords.ts";
import { alternatives, didYouMean, showAtom } from "./near-name.ts";
import type { Report } from "./problem.ts";
import type { AtomNode, ListNode, Node } from "./sexp-tree.ts";

/** One `(NAME VALUE...)` of a record. */
export interface Field {
  readonly name: AtomNode;
  readonly node: ListNode;
  readonly values: readonly Node[];
}

/** What a record may hold, and the words to explain it with. */
export interface RecordShape {
  /** The record in its place, for example `(run ...)`. */
  readonly title: string;
  /** Every field's name, with an example of it. */
  readonly fields: Readonly<Record<string, string>>;
  /** The fields that must be there. */
  readonly required: readonly string[];
  /** What to write instead of `node`, which is no field, among `all`; undefined for the general words. */
  readonly hintFor?: (node: Node, all: readonly Node[]) => string | undefined;
}

/** The fields of a record. */
export interface Fields {
  get(name: string): Field | undefined;
}

/**
 * Reads the fields of a record, in any order, each at most once. Whatever else is among them is reported, and so is a
 * required field that is missing, unless something that was reported or the end of the text may have been it.
 */
export function readFields(
  owner: ListNode,
  nodes: readonly Node[],
  record: { readonly shape: RecordShape; readonly report: Report },
): Fields {
  const { shape, report } = record;
  const found = new Map<string, Field>();
  let sound = true;
  let opSlippedIn = false;
  for (const node of nodes) {
    const name = headOf(node);
    if (node.kind === "atom" || name === undefined) {
      // A list that the end of the text cut off has no name yet.
      if (sound && (node.kind === "atom" || node.closed)) {
        reportNoField(node, nodes, record);
      }
      sound = false;
    } else if (!Object.hasOwn(shape.fields, name.text)) {
      // Where one op has slipped in, so have all that follow it: one report is enough.
      const slippedIn = itemNames.has(name.text);
      if (slippedIn && opSlippedIn) continue;
      opSlippedIn ||= slippedIn;
      report({
        at: name.at,
        message: `unknown field ${showAtom(name.text)} in ${shape.title}: expected ${alternatives(Object.keys(shape.fields))}`,
        hint: shape.hintFor?.(node, nodes) ?? didYouMean(name.text, Object.keys(shape.fields)),
      });
      sound = false;
    } else {
      const earlier = found.get(name.text);
      if (earlier === undefined) {
        found.set(name.text, { name, node, values: node.items.slice(1) });
      } else {
        report({
          at: name.at,
          message: `a second ${showAtom(name.text)} in ${shape.title}: expected at most one`,
          notes: [{ at: earlier.name.at, message: "the first one is here" }],
        });
      }
    }
  }
  const swallowed = namesWithin(found.values());
  const missing = shape.required.filter((name) => !found.has(name) && !swallowed.has(name));
  if (missing.length > 0 && sound && owner.closed) {
    report({
      at: owner.at,
      message: `missing ${missing.map(showAtom).join(" and ")} in ${shape.title}`,
      hint: `add ${missing.map((name) => shape.fields[name]).join(" and ")}`,
    });
  }
  return found;
}

/** The first item of a list if it is an atom. */
export function headOf(node: Node): AtomNode | undefined {
  const first = node.kind === "list" ? node.items[0] : undefined;
  return first?.kind === "atom" ? first : undefined;
}

function reportNoField(
  node: Node,
  all: readonly Node[],
  { shape, report }: { readonly shape: RecordShape; readonly report: Report },
): void {
  const found = node.kind === "atom" ? showAtom(node.text) : "a list that has no name";
  report({
    at: node.at,
    message: `expected a field of ${shape.title}, found ${found}`,
    hint: shape.hintFor?.(node, all) ?? `a field is one of ${alternatives(Object.values(shape.fields))}`,
  });
}

/** The names of the lists among strings: a field that stands there, and was reported, is misplaced and not missing. */
function namesWithin(fields: Iterable<Field>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name: owner, values } of fields) {
    for (const value of listFields.has(owner.text) ? [] : values) {
      const name = headOf(value);
      if (name !== undefined) names.add(name.text);
    }
  }
  return names;
}
