import { opNameOf } from "../../decode-op.ts";
import { copyField, headOf } from "../../fields.ts";
import type { Range } from "../../problem.ts";
import type { ListNode, Node } from "../../sexp-tree.ts";

/** A part of a spec for an outline. */
export interface SpecSymbol {
  /** Of a step what it does, of a build its name. */
  readonly name: string;
  readonly detail: string;
  readonly kind: "base" | "build" | "run" | "copy" | "setting";
  readonly at: Range;
  /** What is marked when it is chosen. */
  readonly nameAt: Range;
  readonly children: readonly SpecSymbol[];
}

/** The longest name, in characters. */
const longestName = 80;
/** Deeper builds are not shown; it keeps the recursion far from the limit of the call stack. */
const deepest = 100;

/** The builds and operations of a spec, also of one with errors. */
export function symbolsOf(nodes: readonly Node[]): readonly SpecSymbol[] {
  const [root] = nodes;
  return root?.kind === "list" ? symbolsIn(root, 0) : [];
}

function symbolsIn(spec: ListNode, depth: number): readonly SpecSymbol[] {
  return spec.items.flatMap((item) => (item.kind === "list" ? (symbolOf(item, depth) ?? []) : []));
}

function symbolOf(item: ListNode, depth: number): SpecSymbol | undefined {
  const head = headOf(item);
  const op = head && opNameOf(head.text);
  const [, first, nested] = item.items;
  const shared = { at: item.at, nameAt: (first ?? head ?? item).at, children: [] };
  if (head?.text === "from") return { ...shared, name: textOf(first), detail: "from", kind: "base" };
  if (head?.text === "build") {
    const children = nested?.kind === "list" && depth < deepest ? symbolsIn(nested, depth + 1) : [];
    return { ...shared, name: textOf(first), detail: "build", kind: "build", children };
  }
  if (op === "run") {
    const command = copyField(item, "shell")?.items[1];
    return { ...shared, nameAt: (command ?? item).at, name: textOf(command), detail: "run", kind: "run" };
  }
  if (op === "copy") {
    const [src, dst] = ["src", "dst"].map((name) =>
      (copyField(item, name)?.items ?? []).slice(1).map(textOf).join(" "),
    );
    return { ...shared, nameAt: item.at, name: `${src} → ${dst}`, detail: "copy", kind: "copy" };
  }
  if (op === undefined) return undefined;
  return {
    ...shared,
    nameAt: item.at,
    name: item.items.slice(1).map(textOf).join(" "),
    detail: op,
    kind: "setting",
  };
}

/** The first line of an atom; of a list what it holds. */
function textOf(node: Node | undefined): string {
  if (node === undefined) return "?";
  const text =
    node.kind === "atom"
      ? node.text
      : `(${node.items.map((item) => (item.kind === "atom" ? item.text : "…")).join(" ")})`;
  const [line = ""] = text.trim().split("\n");
  return line.length > longestName ? `${line.slice(0, longestName)}…` : line === "" ? '""' : line;
}
