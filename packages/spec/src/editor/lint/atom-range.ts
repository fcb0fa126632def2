import type { Range } from "../../problem.ts";
import type { AtomNode } from "../../sexp-tree.ts";

/** A continued line, an escape, or one character. */
const pieces = /\\\r?\n[ \t]*|\\x[0-9a-fA-F]{2}|\\[0-9]{3}|\\[^]|[^]/g;

/** Escapes that stand for one character. All others stand for themselves. */
const single = /^\\[nrbt\\'"\r]$/;

/**
 * Where a part of an atom's text is in the text of the spec.
 *
 * @param part in UTF-16 units of the atom's text.
 * @returns the range of the whole atom if it has bytes that are written as numbers.
 */
export function rangeInAtom(text: string, atom: AtomNode, part: Range): Range {
  const written = text.slice(atom.at.start, atom.at.end);
  const isQuoted = written.startsWith('"');
  const inner = isQuoted ? written.slice(1, -1) : written;
  const first = atom.at.start + (isQuoted ? 1 : 0);
  if (inner === atom.text) return { start: first + part.start, end: first + part.end };
  if (/\\(?:x|[0-9])/.test(inner.replaceAll("\\\\", ""))) return atom.at;
  let [offset, length, start] = [0, 0, first];
  for (const piece of inner.match(pieces) ?? []) {
    const isContinuation = /^\\\r?\n/.test(piece);
    if (length <= part.start && !isContinuation) start = first + offset;
    if (length >= part.end) break;
    offset += piece.length;
    if (!isContinuation) length += single.test(piece) ? 1 : piece.length;
  }
  return { start, end: first + offset };
}
