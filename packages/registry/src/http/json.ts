import { quotedName } from "@ob/core";
import * as v from "valibot";
import { registryError } from "../errors.ts";

const maxDepth = 32;

/**
 * Parses JSON of a registry, a token server or a credential helper by a schema.
 *
 * @param what the text, for the message: `The manifest reg.example/ob:x`.
 * @throws ObError `REGISTRY` that names the field. The text itself is not in it.
 */
export function parseJson<const T extends v.GenericSchema>(
  text: string | Uint8Array,
  { what, schema }: { readonly what: string; readonly schema: T },
): v.InferOutput<T> {
  const result = v.safeParse(schema, toJson(text, what));
  if (result.success) return result.output;
  const issues = result.issues
    .slice(0, 5)
    .map((issue) => `${v.getDotPath(issue)?.slice(0, 100) ?? "(top)"}: ${issue.message.slice(0, 200)}`);
  throw registryError(`${what} is invalid: ${quotedName(issues.join("; "))}.`);
}

function toJson(text: string | Uint8Array, what: string): unknown {
  let string: string;
  try {
    string = typeof text === "string" ? text : new TextDecoder("utf-8", { fatal: true }).decode(text);
  } catch {
    throw registryError(`${what} is not UTF-8.`);
  }
  if (depthOf(string) > maxDepth) throw registryError(`${what} is nested more than ${maxDepth} levels deep.`);
  try {
    const json: unknown = JSON.parse(string);
    return json;
  } catch {
    // V8's message quotes the text, which may be a secret.
    throw registryError(`${what} is not JSON.`);
  }
}

/** The deepest nesting of arrays and objects. A loop and no pattern: a long string must not exhaust a stack. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "\\" && inString) at++;
    else if (char === '"') inString = !inString;
    else if (inString) continue;
    else if (char === "[" || char === "{") deepest = Math.max(deepest, ++depth);
    else if (char === "]" || char === "}") depth--;
  }
  return deepest;
}
