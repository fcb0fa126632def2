import { distance } from "fastest-levenshtein";

/** Longer names are not compared: they are not typing errors, and it would take long. */
const maxLength = 100;
/** Shorter names begin too many others. */
const minPrefixLength = 3;

/**
 * The candidates that `written` may be a typing error for, or the beginning of; at most three, the nearest first. Of those
 * that can be a typing error only the nearest are taken.
 */
export function nearNames(written: string, candidates: Iterable<string>): readonly string[] {
  if (written.length > maxLength) return [];
  const found = [...new Set(candidates)]
    .filter((candidate) => candidate !== written && candidate.length <= maxLength)
    .map((candidate) => ({ candidate, edits: distance(written, candidate) }))
    .toSorted((a, b) => a.edits - b.edits);
  const [best] = found;
  if (!best) return [];
  const near =
    best.edits <= maxEdits(best.candidate)
      ? found.filter(({ edits }) => edits === best.edits)
      : found.filter(({ candidate }) => isPrefix(written, candidate) || isPrefix(candidate, written));
  return near.slice(0, 3).map(({ candidate }) => candidate);
}

/** `Did you mean X?` or `Did you mean X or Y?`, for a hint; undefined if no candidate is near. */
export function didYouMean(written: string, candidates: Iterable<string>): string | undefined {
  const near = nearNames(written, candidates);
  if (near.length === 0) return undefined;
  const last = near.at(-1);
  return `Did you mean ${near.length === 1 ? last : `${near.slice(0, -1).join(", ")} or ${last}`}?`;
}

/** One of short words, where most words are near each other; a third of longer ones, without an option's dashes. */
function maxEdits(candidate: string): number {
  const letters = candidate.replace(/^-+/, "").length;
  return letters < 4 ? 1 : Math.max(2, Math.floor(letters / 3));
}

function isPrefix(prefix: string, name: string): boolean {
  return prefix.replace(/^-+/, "").length >= minPrefixLength && name.startsWith(prefix);
}
