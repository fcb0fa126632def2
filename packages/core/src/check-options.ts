/** What a value must be. With a question mark it may be undefined. */
export type OptionKind = Kind | `${Kind}?`;
type Kind = "string" | "number" | "boolean" | "function" | "object" | "array" | "map";

/**
 * Checks what a caller from JavaScript, who has no compiler, gives to a function of a package: without, a wrong argument
 * shows far from its cause.
 *
 * @param caller the function, for the message.
 * @param kinds what each option must be; others are not looked at.
 * @throws TypeError that names the function, the option, and what was given.
 */
export function checkOptions(
  caller: string,
  options: unknown,
  kinds: Readonly<Record<string, OptionKind>>,
): void {
  if (kindOf(options) !== "object") {
    throw new TypeError(`${caller} takes an object with options, not ${describe(options)}.`);
  }
  for (const [name, kind] of Object.entries(kinds)) {
    checkArgument(`${caller}: ${name}`, Reflect.get(Object(options), name), kind);
  }
}

/** As `checkOptions`, for one argument. @param what the argument, for the message: `openStore: directory`. */
export function checkArgument(what: string, value: unknown, kind: OptionKind): void {
  const wanted = kind.replace("?", "");
  if (value === undefined && kind.endsWith("?")) return;
  const found = kindOf(value);
  if (found === wanted) return;
  // An instance of a class, or what another realm made, counts for what it can do.
  if (wanted === "object" && (found === "map" || found === "function")) return;
  const article = /^[ao]/.test(wanted) ? "an" : "a";
  throw new TypeError(`${what} must be ${article} ${wanted}, not ${describe(value)}.`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return value instanceof Map ? "map" : typeof value;
}

function describe(value: unknown): string {
  const kind = kindOf(value);
  if (kind === "undefined" || kind === "null") return kind;
  return `${/^[ao]/.test(kind) ? "an" : "a"} ${kind}`;
}
