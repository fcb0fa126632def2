import { fromBytes } from "../../byte-text.ts";
import { lintSource } from "./lint-source.ts";
import type { Edit } from "./rule.ts";

/** A text with what was mended in it. */
export interface FixedSource {
  /** As `fromBytes` gives it where bytes were given: `toBytes` makes bytes of it. */
  readonly text: string;
  /** How many problems were mended. */
  readonly fixed: number;
}

/** After a change there may be another one, but a chain of them has an end. */
const maxPasses = 10;

/** Mends all that `lintSource` can mend. A text that is not a spec stays as it is. */
export function fixSource(given: string | Uint8Array): FixedSource {
  let text = typeof given === "string" ? given : fromBytes(given);
  let fixed = 0;
  for (let pass = 0; pass < maxPasses; pass++) {
    const found = lintSource(text).flatMap(({ fix }) => (fix === undefined ? [] : [fix.edits]));
    const chosen = withoutOverlaps(found);
    if (chosen.length === 0) break;
    text = applyEdits(text, chosen.flat());
    fixed += chosen.length;
  }
  return { text, fixed };
}

/** The first of those that change the same part: the others may be found again. */
function withoutOverlaps(found: readonly (readonly Edit[])[]): readonly (readonly Edit[])[] {
  const chosen: (readonly Edit[])[] = [];
  for (const edits of found) {
    const taken = chosen.flat();
    const overlaps = edits.some(({ at }) =>
      taken.some((other) => at.start <= other.at.end && other.at.start <= at.end),
    );
    if (!overlaps) chosen.push(edits);
  }
  return chosen;
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  let changed = text;
  for (const { at, text: written } of edits.toSorted((a, b) => b.at.start - a.at.start)) {
    changed = changed.slice(0, at.start) + written + changed.slice(at.end);
  }
  return changed;
}
