import * as fc from "fast-check";

/** One change of some bytes. */
type Edit =
  | { readonly kind: "set"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "cut"; readonly at: number; readonly length: number }
  | { readonly kind: "repeat"; readonly at: number; readonly length: number };

/** Numbers at which programs err, in the forms that formats have. */
const edges: readonly Uint8Array[] = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0x7fffffffn,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
].flatMap((value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return [bytes, bytes.subarray(4), Buffer.from(bytes).toReversed(), Buffer.from(String(value))];
});

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  fc.constantFrom(...edges),
  fc.string({ unit: "binary", maxLength: 12 }).map((text) => Buffer.from(text)),
);
const place = fc.double({ min: 0, max: 1, noNaN: true });
const length = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 600 }) },
);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), at: place, bytes }),
  fc.record({ kind: fc.constant("insert" as const), at: place, bytes }),
  fc.record({ kind: fc.constant("cut" as const), at: place, length }),
  fc.record({ kind: fc.constant("repeat" as const), at: place, length }),
);

/** Mostly one change: with many nothing is read behind the first that is refused. */
const edits = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(edit) },
  { weight: 1, arbitrary: fc.array(edit, { maxLength: 4 }) },
);

/** Inputs that are nearly right: one of the examples, with a few changes, or none; now and then any bytes. */
export function mutated(examples: readonly (string | Uint8Array)[]): fc.Arbitrary<Buffer> {
  const near = fc
    .tuple(fc.constantFrom(...examples.map((example) => Buffer.from(example))), edits)
    .map(([example, chosen]) => chosen.reduce(changed, example));
  return fc.oneof(
    { weight: 9, arbitrary: near },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((all) => Buffer.from(all)) },
  );
}

function changed(from: Buffer, change: Edit): Buffer {
  const at = Math.floor(change.at * from.length);
  const [before, after] = [from.subarray(0, at), from.subarray(at)];
  switch (change.kind) {
    case "set":
      return Buffer.concat([before, change.bytes, after.subarray(change.bytes.length)]);
    case "insert":
      return Buffer.concat([before, change.bytes, after]);
    case "cut":
      return Buffer.concat([before, after.subarray(change.length)]);
    case "repeat":
      return Buffer.concat([before, after.subarray(0, change.length), after]);
  }
}

/** The same bytes in pieces, as a stream brings them. */
export function pieces(all: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const ends = [...cuts.map((cut) => Math.floor(cut * all.length)), all.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => all.subarray(ends[index - 1] ?? 0, end));
}

export const cuts = fc.array(place, { maxLength: 4 });
