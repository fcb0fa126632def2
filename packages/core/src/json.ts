/** The deepest nesting of arrays and objects that is parsed. */
const deepest = 32;

/** Why a text was not taken. */
export type JsonRefusal = "not UTF-8" | "too long" | "too deep" | "not JSON";

export type JsonText =
  | { readonly ok: true; readonly json: unknown }
  | { readonly ok: false; readonly why: JsonRefusal; readonly limit: number };

/**
 * Parses JSON that others have written, within bounds: a text that is nested deeply could exhaust the stack of whoever
 * walks it. The result still has to be checked by a schema.
 *
 * @param longest the longest text that is taken, in characters or bytes.
 */
export function parseForeignJson(
  text: string | Uint8Array,
  { longest = Infinity }: { readonly longest?: number | undefined } = {},
): JsonText {
  if (text.length > longest) return { ok: false, why: "too long", limit: longest };
  const decoded = typeof text === "string" ? text : decode(text);
  if (decoded === undefined) return { ok: false, why: "not UTF-8", limit: 0 };
  if (depthOf(decoded) > deepest) return { ok: false, why: "too deep", limit: deepest };
  try {
    return { ok: true, json: JSON.parse(decoded) };
  } catch {
    // V8's message quotes the text, which may be a secret.
    return { ok: false, why: "not JSON", limit: 0 };
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The deepest nesting of arrays and objects. A loop and no pattern: a long string must not exhaust a stack. */
function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "\\" && inString) at++;
    else if (char === '"') inString = !inString;
    else if (inString) continue;
    else if (char === "[" || char === "{") most = Math.max(most, ++depth);
    else if (char === "]" || char === "}") depth--;
  }
  return most;
}
