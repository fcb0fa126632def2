import { isObError, type SpecLocation, withFacts } from "@ob/core";
import type { Op, Spec, SpecPart, SpecSource } from "@ob/spec";

/** Where an op or a part of it is in the spec's text, for an error: with its line. Undefined if the text is not known. */
export function placeOf(
  source: SpecSource | undefined,
  item: Op | Spec,
  part?: SpecPart,
): SpecLocation | undefined {
  const at = source?.locate(item, part);
  return at && { ...at, excerpt: source?.excerpt(item, part) };
}

/** Adds the place in the spec to an error that has none. */
export function atPlace(error: unknown, at: SpecLocation | undefined): unknown {
  return at && isObError(error) ? withFacts(error, { at }) : error;
}
