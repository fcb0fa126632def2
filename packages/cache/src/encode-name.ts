import { sha256 } from "@ob/core";

/**
 * The directory name of a cache, as the original writes it: `c-` and the name, with every byte outside of `A-Za-z0-9._-`
 * as `%xx`. The encoding is injective, and no name leads out of the directory. (A byte below 16 has two digits here; the
 * original writes one, so that `%a1` would mean two names.)
 *
 * @param name as in the spec; a byte that is not UTF-8 is a lone surrogate U+DC80..U+DCFF.
 */
export function encodeName(name: string): string {
  let escaped = "c-";
  for (const byte of bytesOf(name)) {
    const char = String.fromCodePoint(byte);
    escaped += /[A-Za-z0-9._-]/.test(char) ? char : `%${byte.toString(16).padStart(2, "0")}`;
  }
  return escaped;
}

/** The name of a cache directory; undefined if `directory` is not an escaped name. */
export function decodeName(directory: string): string | undefined {
  const [, escaped] = /^c-((?:[A-Za-z0-9._-]|%[0-9a-f]{2})*)$/.exec(directory) ?? [];
  if (escaped === undefined) return undefined;
  const pieces = escaped.match(/%..|[^%]/g) ?? [];
  const bytes = pieces.map((piece) =>
    piece.length === 3 ? Number.parseInt(piece.slice(1), 16) : (piece.codePointAt(0) ?? 0),
  );
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/** A short name for the locks of a cache: the escaped name can be longer than a file name may be with an addition. */
export function lockName(directory: string, fileSystem: string): string {
  return `cache-${sha256(`${directory}/${fileSystem}`).slice(0, 32)}`;
}

function bytesOf(text: string): readonly number[] {
  const encoder = new TextEncoder();
  return Array.from(text).flatMap((char) => {
    const point = char.codePointAt(0) ?? 0;
    return point >= 0xdc80 && point <= 0xdcff ? [point - 0xdc00] : [...encoder.encode(char)];
  });
}
