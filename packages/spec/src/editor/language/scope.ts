import { headOf } from "../../fields.ts";
import type { AtomNode, ListNode, Node } from "../../sexp-tree.ts";
import type { Enclosing } from "./cursor.ts";

/** A nested build whose name can be used at a place. */
export interface ScopedBuild {
  readonly name: AtomNode;
  readonly node: ListNode;
}

/** The builds that a `copy` in these lists can copy from; an inner or later one comes after those that it hides. */
export function buildsInScope(lists: readonly Enclosing[]): readonly ScopedBuild[] {
  return lists
    .filter(({ role }) => role === "")
    .flatMap(({ node }) => {
      const inside = node.items.findIndex((item) => lists.some((list) => list.node === item));
      // In a nested build only those before it are known; in an op all are.
      return node.items.slice(0, inside).flatMap((item) => scopedBuild(item) ?? []);
    });
}

/** The build that a name stands for at a place. */
export function findBuild(lists: readonly Enclosing[], name: string): ScopedBuild | undefined {
  return buildsInScope(lists).findLast((build) => build.name.text === name);
}

function scopedBuild(item: Node): ScopedBuild | undefined {
  if (item.kind !== "list" || headOf(item)?.text !== "build") return undefined;
  const name = item.items[1];
  return name?.kind === "atom" ? { name, node: item } : undefined;
}

/** The base image of a spec, as far as it is written. */
export function baseOf(spec: Node | undefined): string | undefined {
  const from = spec?.kind === "list" ? spec.items.find((item) => headOf(item)?.text === "from") : undefined;
  const base = from?.kind === "list" ? from.items[1] : undefined;
  return base?.kind === "atom" ? base.text : undefined;
}
