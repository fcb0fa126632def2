import { parseForeignJson, quotedName } from "@ob/core";
import * as v from "valibot";
import { registryError } from "../errors.ts";

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
  const read = parseForeignJson(text);
  if (read.ok) return read.json;
  const why = read.why === "too deep" ? `is nested more than ${read.limit} levels deep` : `is ${read.why}`;
  throw registryError(`${what} ${why}.`);
}
