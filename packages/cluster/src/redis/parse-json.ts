import { ObError, parseForeignJson } from "@ob/core";
import * as v from "valibot";

/** The longest text that is parsed, in characters. */
const longest = 16 * 2 ** 20;

/**
 * Reads what stands in Redis, where others can write, too.
 *
 * @param what names it in the error.
 * @throws ObError `STORE` if it is not what the schema says.
 */
export function parseJson<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string | null | undefined,
  what: string,
): v.InferOutput<Schema> {
  const parsed = tryParseJson(schema, text);
  if (parsed !== undefined) return parsed;
  throw new ObError("STORE", `Redis holds ${what} in a form that is not known here.`, {
    hint: "Use the same version of OBuilder on all machines of a cluster.",
  });
}

/** As `parseJson`; undefined for what does not fit, for messages that may be left out. */
export function tryParseJson<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string | null | undefined,
): v.InferOutput<Schema> | undefined {
  if (typeof text !== "string") return undefined;
  const read = parseForeignJson(text, { longest });
  if (!read.ok) return undefined;
  const result = v.safeParse(schema, read.json);
  return result.success ? result.output : undefined;
}
