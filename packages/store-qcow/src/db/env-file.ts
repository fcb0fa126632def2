import type { Environment } from "@ob/core";
import { ObError } from "@ob/core";

/*
 * The only S-expression in a store: a base layer's `env` file, `((env ((K V)...)))`, which the original writes with
 * sexplib. @ob/spec implements the whole language; a store needs only lists, atoms and text without comments.
 */

type Sexp = string | readonly Sexp[];

/** The text of a base layer's `env` file. */
export function printEnvironment(environment: Environment): string {
  const pairs = environment.map(([key, value]) => `(${printAtom(key)} ${printAtom(value)})`);
  return `((env (${pairs.join(" ")})))`;
}

/**
 * Reads a base layer's `env` file.
 *
 * @param file where the text comes from, for the error.
 * @throws ObError `STORE` if it is not `((env ((K V)...)))`.
 */
export function parseEnvironment(text: string, file: string): Environment {
  const field = only(parse(text));
  const [name, pairs] = Array.isArray(field) ? field : [];
  if (name !== "env" || !Array.isArray(pairs)) throw unreadable(file);
  return pairs.map((pair: Sexp) => {
    const [key, value, ...rest] = Array.isArray(pair) ? pair : [];
    if (typeof key !== "string" || typeof value !== "string" || rest.length > 0) throw unreadable(file);
    return [key, value] as const;
  });
}

function unreadable(file: string): ObError {
  return new ObError("STORE", `${file} does not hold an environment, \`((env ((KEY VALUE)...)))\`.`, {
    hint: "The layer is damaged: delete it, and it is imported again.",
  });
}

/** The single element of a list of one; undefined otherwise. */
function only(sexp: Sexp | undefined): Sexp | undefined {
  return Array.isArray(sexp) && sexp.length === 1 ? sexp[0] : undefined;
}

/**
 * An atom in the machine form, sexplib's: quoted when it is empty or holds a blank, a quote, a parenthesis, a
 * semicolon, a backslash, `#|`, `|#` or anything that is not printable ASCII.
 */
export function printAtom(atom: string): string {
  if (/^[!#-'*-:<-[\]-~]+$/.test(atom) && !/#\||\|#/.test(atom)) return atom;
  let quoted = "";
  for (const byte of new TextEncoder().encode(atom)) quoted += printByte(byte);
  return `"${quoted}"`;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\t": "\\t",
  "\b": "\\b",
  "\r": "\\r",
};

function printByte(byte: number): string {
  const char = String.fromCodePoint(byte);
  const escape = escapes[char];
  if (escape !== undefined) return escape;
  return byte >= 0x20 && byte < 0x7f ? char : `\\${String(byte).padStart(3, "0")}`;
}

/** The first expression of `text`; undefined if there is none or it does not end. */
function parse(text: string): Sexp | undefined {
  const open: Sexp[][] = [[]];
  for (const [token] of text.matchAll(/[()]|"(?:[^"\\]|\\[^])*"|[^\s()"]+/g)) {
    if (token === "(") {
      open.push([]);
    } else if (token === ")") {
      const list = open.pop();
      const outer = open.at(-1);
      if (!list || !outer) return undefined;
      outer.push(list);
    } else {
      open.at(-1)?.push(token.startsWith('"') ? unquote(token.slice(1, -1)) : token);
    }
  }
  return open.length === 1 ? open[0]?.[0] : undefined;
}

function unquote(body: string): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [piece] of body.matchAll(/\\\d{3}|\\x[0-9a-fA-F]{2}|\\\r?\n[ \t]*|\\[^]|[^\\]+/g)) {
    bytes.push(...unescape(piece, encoder));
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

function unescape(piece: string, encoder: InstanceType<typeof TextEncoder>): Iterable<number> {
  if (/^\\\d/.test(piece)) return [Number(piece.slice(1))];
  if (piece.startsWith("\\x")) return [Number.parseInt(piece.slice(2), 16)];
  if (/^\\\r?\n/.test(piece)) return [];
  const named = Object.entries(escapes).find(([, escape]) => escape === piece);
  if (named) return encoder.encode(named[0]);
  return encoder.encode(
    piece.startsWith("\\") && piece.length === 2 ? piece.slice(piece === "\\'" ? 1 : 0) : piece,
  );
}
