import * as fc from "fast-check";
import { mutated } from "./mutated.ts";

/** Values that a field does not expect. */
const values: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    1e308,
    "",
    "x",
    "../../x",
    "a,b=c",
    "\0",
    "\u001b[2J",
    "\ud800",
    "__proto__",
  ],
  ...[
    "x".repeat(300),
    [],
    {},
    [[]],
    { a: 1 },
    [null],
    "linux",
    "2024-01-01T00:00:00Z",
    `sha256:${"0".repeat(64)}`,
  ],
];
const keys = ["x", "__proto__", "constructor", "toString", "", "version", "v", "size", "annotations"];

/** One change of a document: of the value at a place, counted through the document. */
interface Change {
  readonly at: number;
  readonly kind: "set" | "remove" | "add" | "copy";
  readonly value: unknown;
  readonly key: string;
}

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  kind: fc.constantFrom("set", "set", "remove", "add", "copy"),
  value: fc.constantFrom(...values),
  key: fc.constantFrom(...keys),
});

type Holder = Record<string, unknown>;

/** Each value in a document, with what holds it. */
function* placesIn(value: unknown): Generator<{ readonly holder: Holder; readonly key: string }> {
  if (typeof value !== "object" || value === null) return;
  const holder: Holder = Object(value);
  for (const key of Object.keys(holder)) {
    yield { holder, key };
    yield* placesIn(holder[key]);
  }
}

/** Sets a key, also one that means something else to an assignment. */
function set(holder: Holder, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function apply(root: { readonly document: unknown }, { at, kind, value, key: newKey }: Change): void {
  const places = [...placesIn(root)];
  const place = places[Math.floor(at * places.length)];
  if (!place) return;
  const { holder, key } = place;
  const added = kind === "copy" ? structuredClone(holder[key]) : value;
  if (kind === "set") set(holder, key, value);
  else if (kind === "remove") Reflect.deleteProperty(holder, key);
  else if (Array.isArray(holder)) holder.push(added);
  else set(holder, newKey, added);
}

/** JSON documents with other values than one of the examples at a few places, and texts that are nearly JSON. */
export function mutatedJson(examples: readonly string[]): fc.Arbitrary<Buffer> {
  const documents = fc
    .tuple(fc.constantFrom(...examples), fc.array(change, { maxLength: 3 }))
    .map(([example, changes]) => {
      const root: { document: unknown } = { document: JSON.parse(example) };
      for (const each of changes) apply(root, each);
      return Buffer.from(JSON.stringify(root.document) ?? "null");
    });
  return fc.oneof({ weight: 3, arbitrary: documents }, { weight: 1, arbitrary: mutated(examples) });
}
