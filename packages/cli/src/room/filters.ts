import { didYouMean, ObError } from "@ob/core";
import { fieldsOf } from "../args/attributes.ts";
import { parseDuration } from "../args/units.ts";
import type { PruneItem } from "./prune-item.ts";

/** True for what a filter keeps in the list of what may be removed. */
export type Matches = (item: PruneItem) => boolean;

type Operator = "=" | "!=" | "~=";

/** BuildKit's keys, as far as they fit what is in a store. */
const keys = ["type", "id", "parents", "description", "inuse", "mutable", "immutable", "until"] as const;
type Key = (typeof keys)[number];

/** BuildKit's types of records, and what they are here. */
const types: Readonly<Record<string, PruneItem["type"]>> = {
  ...{ layer: "layer", cache: "cache", snapshot: "snapshot" },
  ...{ regular: "layer", "exec.cachemount": "cache" },
};

/** The fewest digits that a beginning of an id has. */
const fewestDigits = 4;

/**
 * Reads the values of `--filter`: selectors such as `type=layer`, `description~=make`, `inuse` or `until=24h`, several of them
 * separated by commas. All must match.
 *
 * @param now for `until`.
 * @throws ObError `USAGE`.
 */
export function parseFilters(values: readonly string[], now: Date): Matches {
  const selectors = values.flatMap(fieldsOf).map((text) => parseSelector(text.trim(), now));
  return (item) => selectors.every((matches) => matches(item));
}

function parseSelector(text: string, now: Date): Matches {
  const [, key = "", written = "", value] = /^([\w-]+)(?:(==?|!=|~=)(.*))?$/s.exec(text) ?? [];
  const known = keys.find((each) => each === key);
  if (known === undefined) {
    throw new ObError("USAGE", `--filter: ${JSON.stringify(text)} is not a selector.`, {
      hint:
        didYouMean(key, keys) ??
        `A selector is KEY=VALUE, KEY!=VALUE or KEY~=REGEXP; a KEY is ${keys.join(", ")}.`,
    });
  }
  const operator: Operator = written === "!=" || written === "~=" ? written : "=";
  if (known === "until") return unusedFor(value, operator, now);
  if (known === "inuse" || known === "mutable" || known === "immutable")
    return whether(known, value ?? "true", operator);
  if (value === undefined || value === "") throw new ObError("USAGE", `--filter: ${known} needs a value.`);
  return comparing(known, value, operator);
}

/** What was not used for the span. */
function unusedFor(value: string | undefined, operator: Operator, now: Date): Matches {
  if (operator !== "=" || value === undefined)
    throw new ObError("USAGE", "--filter: until takes a span, such as until=24h.");
  const span = parseDuration(value, "--filter until");
  return ({ lastUsed }) => span === 0 || lastUsed.getTime() < now.getTime() - span;
}

function whether(key: "inuse" | "mutable" | "immutable", value: string, operator: Operator): Matches {
  if (operator === "~=" || !/^(?:true|false)$/.test(value))
    throw new ObError("USAGE", `--filter: ${key} is true or false.`);
  const wanted = (value === "true") === (operator === "=");
  // Steps write to caches.
  const is = ({ type, inUse }: PruneItem): boolean =>
    key === "inuse" ? inUse : (type === "cache") === (key === "mutable");
  return (item) => is(item) === wanted;
}

function comparing(
  key: Exclude<Key, "until" | "inuse" | "mutable" | "immutable">,
  value: string,
  operator: Operator,
): Matches {
  if (operator === "~=") {
    const pattern = parsePattern(value);
    return (item) => textsOf(item, key).some((text) => pattern.test(text));
  }
  const isEqual = equalTo(key, value);
  return (item) => isEqual(item) === (operator === "=");
}

function equalTo(key: Parameters<typeof comparing>[0], value: string): Matches {
  if (key === "type") {
    const type = Object.hasOwn(types, value) ? types[value] : undefined;
    if (type !== undefined) return (item) => item.type === type;
    throw new ObError("USAGE", `--filter: there is no type ${JSON.stringify(value)}.`, {
      hint: didYouMean(value, Object.keys(types)) ?? `The types are ${Object.keys(types).join(", ")}.`,
    });
  }
  const digits = new RegExp(`^[0-9a-f]{${fewestDigits},64}$`, "i").test(value)
    ? value.toLowerCase()
    : undefined;
  // The names of caches are whole.
  const isBeginning = (item: PruneItem, text: string): boolean =>
    digits !== undefined && key !== "description" && item.type !== "cache" && text.startsWith(digits);
  return (item) => textsOf(item, key).some((text) => text === value || isBeginning(item, text));
}

function textsOf(item: PruneItem, key: Parameters<typeof comparing>[0]): readonly string[] {
  if (key === "parents") return item.type === "layer" && item.parent !== undefined ? [item.parent] : [];
  return [item[key]];
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (cause) {
    throw new ObError("USAGE", `--filter: ${JSON.stringify(text)} is not a regular expression.`, { cause });
  }
}
