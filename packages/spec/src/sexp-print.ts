import { checkText, kindOf } from "./check-arguments.ts";
import { toBytes } from "./byte-text.ts";
import type { Sexp } from "./sexp.ts";

/** An atom that needs no quotes: printable ASCII except for the blank, quote, parentheses, `;` and backslash. */
const bareAtom = /^[!#-'*-:<-[\]-~]+$/;

/** A comment mark, which must not be in a bare atom. */
const commentMark = /#\||\|#/;

const shortEscapes: ReadonlyMap<number, string> = new Map([
  [0x22, '\\"'],
  [0x5c, "\\\\"],
  [0x0a, "\\n"],
  [0x09, "\\t"],
  [0x0d, "\\r"],
  [0x08, "\\b"],
]);

/**
 * The machine form: one line of printable ASCII without needless blanks. Layer ids are digests of it, so it must be the
 * original's byte for byte (Sexplib's `to_string_mach`). A list can be nested to any depth.
 */
export function sexpToMachine(sexp: Sexp): string {
  const parts: string[] = [];
  const open: Iterator<Sexp>[] = [];
  let afterBareAtom = false;
  let current: Sexp | undefined = sexp;
  while (true) {
    if (typeof current === "string") {
      const bare = isBare(current);
      if (bare && afterBareAtom) parts.push(" ");
      parts.push(bare ? current : quoted(current));
      afterBareAtom = bare;
    } else if (current !== undefined || parts.length === 0) {
      if (!Array.isArray(current)) {
        throw new TypeError(`sexpToMachine takes strings and arrays of them, not ${kindOf(current)}.`);
      }
      parts.push("(");
      open.push(current[Symbol.iterator]());
      afterBareAtom = false;
    }
    const innermost = open.at(-1);
    if (innermost === undefined) return parts.join("");
    const next = innermost.next();
    if (next.done === true) {
      open.pop();
      parts.push(")");
      afterBareAtom = false;
      current = undefined;
      if (open.length === 0) return parts.join("");
    } else {
      current = next.value;
    }
  }
}

/** One atom in the machine form, quoted only if necessary. */
export function atomToMachine(atom: string): string {
  checkText("atomToMachine", atom);
  return isBare(atom) ? atom : quoted(atom);
}

/** A text with escapes, without the quotes. */
export function escapeAtom(text: string): string {
  let escaped = "";
  for (const byte of toBytes(text)) {
    const short = shortEscapes.get(byte);
    if (short !== undefined) escaped += short;
    else if (byte >= 0x20 && byte <= 0x7e) escaped += String.fromCharCode(byte);
    else escaped += `\\${String(byte).padStart(3, "0")}`;
  }
  return escaped;
}

/** True if the atom needs no quotes. */
export function isBare(atom: string): boolean {
  return bareAtom.test(atom) && !commentMark.test(atom);
}

function quoted(atom: string): string {
  return `"${escapeAtom(atom)}"`;
}
