import { headOf } from "../../fields.ts";
import type { Range } from "../../problem.ts";
import type { ListNode, Node } from "../../sexp-tree.ts";
import { atomToMachine } from "../../sexp-print.ts";
import { cursorAt, type Cursor, type Enclosing } from "./cursor.ts";
import { keywordDocs, keywordsIn } from "./keyword-docs.ts";
import { baseOf, buildsInScope } from "./scope.ts";

/** Something that can be written at a place. */
export interface Completion {
  readonly label: string;
  readonly kind: "keyword" | "build" | "image" | "secret" | "cache" | "value";
  /** What it replaces; empty to insert. */
  readonly at: Range;
  /** The text. */
  readonly text: string;
  /** The text with `$1`, `$2` for what is to be filled in; undefined if nothing is. */
  readonly snippet?: string | undefined;
  readonly detail?: string | undefined;
  /** In Markdown. */
  readonly documentation?: string | undefined;
}

/** What an editor knows besides the text. */
export interface CompletionOptions {
  /** The names of base images, for `(from NAME)`. */
  readonly baseImages?: readonly string[] | undefined;
}

/** Values of fields that have few. */
const values: Readonly<Record<string, readonly string[]>> = {
  "run.network": ["host"],
  "run.restart": ["allowed"],
};

/** What can be written at an offset. */
export function completionsAt(
  text: string,
  { nodes, offset }: { readonly nodes: readonly Node[]; readonly offset: number },
  options: CompletionOptions = {},
): readonly Completion[] {
  const cursor = cursorAt(text, nodes, offset);
  const innermost = cursor?.lists.at(-1);
  if (cursor === undefined || innermost === undefined) return [];
  const at = cursor.atom?.at ?? { start: offset, end: offset };
  const owner = cursor.lists.at(-2);
  if (cursor.index === 0 && owner !== undefined) {
    const isMount = owner.role === "run.secrets" || owner.role === "run.cache";
    return isMount ? mountNames(nodes, at, owner.role) : keywords(owner, innermost.node, at);
  }
  const { role } = innermost;
  if (role === "from") return images(nodes, at, options);
  if (role === "copy.from.build") return builds(cursor, at);
  const words = role === undefined ? undefined : values[role];
  if (words !== undefined) return words.map((label) => ({ label, text: label, kind: "value", at }));
  return cursor.atom === undefined ? keywords(innermost, undefined, at) : [];
}

/**
 * The names that a list in `owner` can begin with.
 *
 * @param current the list that the name is for; undefined if its parentheses are to be written as well.
 */
function keywords(
  { node, role }: Enclosing,
  current: ListNode | undefined,
  at: Range,
): readonly Completion[] {
  if (role === undefined) return [];
  const used = new Set(node.items.flatMap((item) => (item === current ? [] : (headOf(item)?.text ?? []))));
  const isAllowed = (name: string): boolean => {
    // Once a spec has a base, only operations can follow.
    if (role === "") return (name === "from" || name === "build") !== used.has("from");
    return !used.has(name);
  };
  return keywordsIn(role)
    .filter(isAllowed)
    .map((label) => {
      const doc = keywordDocs[role === "" ? label : `${role}.${label}`];
      const snippet = label + (doc?.snippet ?? "");
      return {
        ...{ label, kind: "keyword", at, detail: doc?.form, documentation: doc?.text },
        text: current === undefined ? `(${label})` : label,
        snippet: current === undefined ? `(${snippet})` : snippet,
      };
    });
}

/** The base images that are known, and those that the spec names. */
function images(
  nodes: readonly Node[],
  at: Range,
  { baseImages = [] }: CompletionOptions,
): readonly Completion[] {
  const named = [...allLists(nodes)].flatMap((list) => {
    const base = list.at.start < at.start && at.end < list.at.end ? undefined : list.items[1];
    return headOf(list)?.text === "from" && base?.kind === "atom" ? [base.text] : [];
  });
  const names = [...new Set([...baseImages, ...named])];
  return names.map((label) => ({ label, text: atomToMachine(label), kind: "image", at }));
}

function builds({ lists }: Cursor, at: Range): readonly Completion[] {
  const byName = new Map(buildsInScope(lists).map((build) => [build.name.text, build]));
  return [...byName].map(([label, { node }]) => {
    const base = baseOf(node.items[2]);
    return { label, text: atomToMachine(label), kind: "build", at, detail: base && `(from ${base})` };
  });
}

/** The names of caches or secrets that other steps of the spec use. */
function mountNames(
  nodes: readonly Node[],
  at: Range,
  role: "run.cache" | "run.secrets",
): readonly Completion[] {
  const field = role === "run.cache" ? "cache" : "secrets";
  const names = [...allLists(nodes)]
    .filter((list) => headOf(list)?.text === field)
    .flatMap((list) => list.items.slice(1).flatMap((mount) => headOf(mount) ?? []))
    .filter((name) => name.at.start !== at.start)
    .map((name) => name.text);
  const kind = field === "cache" ? "cache" : "secret";
  return [...new Set(names)].map((label) => ({ label, text: atomToMachine(label), kind, at }));
}

/** Lists can be nested to any depth. */
function* allLists(nodes: readonly Node[]): Generator<ListNode> {
  const pending = [nodes];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const node of next) {
      if (node.kind !== "list") continue;
      yield node;
      pending.push(node.items);
    }
  }
}
