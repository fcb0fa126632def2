import * as fc from "fast-check";
import { mutated } from "./mutated.ts";

interface Change {
  readonly kind: "remove" | "copy" | "exchange" | "replace";
  readonly at: number;
  readonly other: number;
  readonly text: string;
}

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const texts = [
  "",
  "x",
  "0",
  "-1",
  "/",
  "../x",
  "__proto__",
  '"',
  '""',
  "\\",
  "\n",
  "(",
  ")",
  ";",
  "#",
  "$",
  "é",
  "\ud800",
  "a b",
];
const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom("remove", "copy", "exchange", "replace", "replace"),
  at: place,
  other: place,
  text: fc.constantFrom(...texts),
});

/** Texts whose words stand elsewhere, or are others, than in one of the examples, and texts with other bytes. */
export function mutatedTokens(examples: readonly string[]): fc.Arbitrary<Buffer> {
  const split = examples.map((example) => example.match(/[\w./-]+|\s+|[^\w\s]/g) ?? []);
  const near = fc
    .tuple(fc.constantFrom(...split), fc.array(change, { maxLength: 3 }))
    .map(([tokens, changes]) => Buffer.from(changes.reduce(changed, tokens).join("")));
  return fc.oneof({ weight: 3, arbitrary: near }, { weight: 1, arbitrary: mutated(examples) });
}

function changed(tokens: readonly string[], { kind, at, other, text }: Change): readonly string[] {
  const here = Math.floor(at * tokens.length);
  const there = Math.floor(other * tokens.length);
  switch (kind) {
    case "remove":
      return tokens.toSpliced(here, 1);
    case "copy":
      return tokens.toSpliced(there, 0, tokens[here] ?? "");
    case "exchange":
      return tokens.with(here, tokens[there] ?? "").with(there, tokens[here] ?? "");
    case "replace":
      return tokens.toSpliced(here, 1, text);
  }
}
