/** A word for what a caller from JavaScript gave, for the message of a TypeError. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

/** @throws TypeError if `value` is not a spec, such as a text that was not parsed. */
export function checkSpec(caller: string, value: unknown): void {
  if (isObject(value) && "from" in value && "builds" in value && "ops" in value) return;
  throw new TypeError(`${caller} takes a spec as parseSpec returns it, not ${kindOf(value)}.`);
}

/** @throws TypeError if `value` is not an op of a spec. */
export function checkOp(caller: string, value: unknown): void {
  if (isObject(value) && "op" in value && typeof value.op === "string") return;
  throw new TypeError(`${caller} takes an op of a spec, not ${kindOf(value)}.`);
}

/** @throws TypeError if `value` is not a text. */
export function checkText(caller: string, value: unknown): void {
  if (typeof value !== "string") throw new TypeError(`${caller} takes a string, not ${kindOf(value)}.`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
