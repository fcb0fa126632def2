import { distance } from "fastest-levenshtein";

/** The longest name, in characters, that is compared: longer ones are not typing errors, and would take long. */
const maxNameLength = 100;

/** The candidates that `name` may be a typing error of, nearest first, at most three. */
export function nearNames(name: string, candidates: Iterable<string>): readonly string[] {
  if (name.length > maxNameLength) return [];
  const limit = Math.max(1, Math.floor(name.length / 3));
  const written = name.toLowerCase();
  return [...new Set(candidates)]
    .filter((candidate) => candidate !== name && Math.abs(candidate.length - name.length) <= limit)
    .map((candidate) => ({ candidate, slips: slipsBetween(written, candidate.toLowerCase()) }))
    .filter(({ slips }) => slips <= limit)
    .toSorted((a, b) => a.slips - b.slips)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** `did you mean "x" or "y"?`, or undefined if no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const near = nearNames(name, candidates);
  return near.length === 0 ? undefined : `did you mean ${alternatives(near.map(showAtom))}?`;
}

/** `a, b or c`. */
export function alternatives(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} or ${last}`;
}

/** An atom for a message: quoted, on one line, truncated if it is long. */
export function showAtom(atom: string): string {
  const characters = Array.from(printable(atom.slice(0, 200)));
  return `"${characters.length > 60 ? `${characters.slice(0, 59).join("")}…` : characters.join("")}"`;
}

/** Makes characters visible that a terminal would interpret or not show. Each becomes one character. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (found) => {
    const code = found.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\uFFFD";
  });
}

/** The edit distance. Two transposed characters count as one edit, as in `form` for `from`. */
function slipsBetween(a: string, b: string): number {
  let first = 0;
  while (first < a.length && a[first] === b[first]) first++;
  const swapped =
    a.length === b.length &&
    a[first] === b[first + 1] &&
    a[first + 1] === b[first] &&
    a.slice(first + 2) === b.slice(first + 2);
  return swapped ? Math.min(1, distance(a, b)) : distance(a, b);
}
