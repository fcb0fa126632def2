import { checkText, kindOf } from "./check-arguments.ts";

/*
 * The original's strings are bytes. Here an atom is a JavaScript string: its bytes are decoded as UTF-8, and a byte that
 * is not valid UTF-8 becomes a lone surrogate U+DC80..U+DCFF ("surrogateescape"). Both directions are exact.
 */

const escapedByte = /[\uDC80-\uDCFF]/;

/** Decodes bytes. A byte that is not valid UTF-8 becomes a lone surrogate, which `toBytes` turns back into that byte. */
export function fromBytes(bytes: Uint8Array): string {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`fromBytes takes a Uint8Array, not ${kindOf(bytes)}.`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decodeDamaged(bytes);
  }
}

/** Encodes a text: the inverse of `fromBytes`. A lone surrogate that is not an escaped byte is written as U+FFFD. */
export function toBytes(text: string): Uint8Array {
  checkText("toBytes", text);
  if (!escapedByte.test(text)) return new TextEncoder().encode(text);
  const encoder = new TextEncoder();
  const chunks: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (isHighSurrogate(code) && isLowSurrogate(text.charCodeAt(index + 1))) {
      index++;
    } else if (isEscapedByte(code)) {
      chunks.push(encoder.encode(text.slice(start, index)), Uint8Array.of(code & 0xff));
      start = index + 1;
    }
  }
  chunks.push(encoder.encode(text.slice(start)));
  return Buffer.concat(chunks);
}

/** The canonical text of the same bytes: adjacent escaped bytes that are valid UTF-8 together become that character. */
export function normalizeBytes(text: string): string {
  return escapedByte.test(text) ? fromBytes(toBytes(text)) : text;
}

/** One byte as text, for `normalizeBytes` once it has been joined with its neighbours. */
export function byteText(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
}

function decodeDamaged(bytes: Uint8Array): string {
  const parts: string[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let start = 0;
  let index = 0;
  while (index < bytes.length) {
    const length = characterLength(bytes, index);
    if (length > 0) {
      index += length;
      continue;
    }
    if (start < index) parts.push(decoder.decode(bytes.subarray(start, index)));
    parts.push(byteText(bytes[index] ?? 0));
    index++;
    start = index;
  }
  parts.push(decoder.decode(bytes.subarray(start)));
  return parts.join("");
}

/** The length in bytes of the UTF-8 character at `index`; 0 if there is no valid one (Unicode, table 3-7). */
function characterLength(bytes: Uint8Array, index: number): number {
  const first = bytes[index] ?? 0;
  if (first < 0x80) return 1;
  const second = bytes[index + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return isContinuation(second) ? 2 : 0;
  const third = bytes[index + 2] ?? 0;
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && isContinuation(third) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xf4 ? 0x8f : 0xbf;
    const fourth = bytes[index + 3] ?? 0;
    return second >= low && second <= high && isContinuation(third) && isContinuation(fourth) ? 4 : 0;
  }
  return 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

function isEscapedByte(code: number): boolean {
  return code >= 0xdc80 && code <= 0xdcff;
}
