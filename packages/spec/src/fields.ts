import { itemNames, listFields } from "./keywords.ts";
import { alternatives, didYouMean, showAtom } from "./near-name.ts";
import type { Report } from "./problem.ts";
import type { AtomNode, ListNode, Node } from "./sexp-tree.ts";

/** One field `(NAME VALUE...)` of a record. */
export interface Field {
  readonly name: AtomNode;
  readonly node: ListNode;
  readonly values: readonly Node[];
}

/** The fields of a record, with texts for error messages. */
export interface RecordShape {
  /** The record for an error message, for example `(run ...)`. */
  readonly title: string;
  /** The name of every field, with an example. */
  readonly fields: Readonly<Record<string, string>>;
  /** The names of the required fields. */
  readonly required: readonly string[];
  /** The hint for `node`, which is not a field, among all nodes of the record; undefined for the general hint. */
  readonly hintFor?: (node: Node, all: readonly Node[]) => string | undefined;
}

/** The fields of a record. */
export interface Fields {
  get(name: string): Field | undefined;
}

/**
 * Reads the fields of a record, in any order, each at most once. Reports everything else, and missing required fields;
 * but not if the missing field may be in something that was reported, or was cut off by the end of the text.
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
      // A list that is cut off by the end of the text has no name yet.
      if (sound && (node.kind === "atom" || node.closed)) {
        reportNoField(node, nodes, record);
      }
      sound = false;
    } else if (!Object.hasOwn(shape.fields, name.text)) {
      // If one op is in here by mistake, so are all the following ops: one report is enough.
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

/** The first item of a list, if it is an atom. */
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

/** The names of lists among the strings of fields: such a field was reported, so it is misplaced and not missing. */
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

/** A field of a `copy`, also in the machine form `(Copy ((from ...) ...))`. */
export function copyField(copy: ListNode, name: string): ListNode | undefined {
  const [, inner] = copy.items;
  const isNested = copy.items.length === 2 && inner?.kind === "list" && headOf(inner) === undefined;
  const field = (isNested ? inner.items : copy.items).find((each) => headOf(each)?.text === name);
  return field?.kind === "list" ? field : undefined;
}
