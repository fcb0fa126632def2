/** One way to authorize that a server offers in `WWW-Authenticate`. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** By their lower-case names. */
  readonly parameters: ReadonlyMap<string, string>;
}

const maxLength = 16 << 10;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`\\s*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))\\s*(?:,|$)`, "y");
const schemeStart = new RegExp(`[\\s,]*(${token})(?=\\s|,|$)`, "y");

/**
 * Reads the values of `WWW-Authenticate` (RFC 9110, 11.6.1). What is not well formed ends the reading: the challenges before
 * it count.
 */
export function parseChallenges(values: readonly string[]): readonly Challenge[] {
  return values.flatMap(parseValue);
}

function parseValue(value: string): readonly Challenge[] {
  if (value.length > maxLength) return [];
  const challenges: Challenge[] = [];
  let at = 0;
  while (at < value.length) {
    schemeStart.lastIndex = at;
    const scheme = schemeStart.exec(value)?.[1];
    if (scheme === undefined) break;
    at = schemeStart.lastIndex;
    const parameters = new Map<string, string>();
    for (;;) {
      parameter.lastIndex = at;
      const found = parameter.exec(value);
      if (!found) break;
      const [, name = "", quoted, plain = ""] = found;
      parameters.set(name.toLowerCase(), quoted === undefined ? plain : quoted.replaceAll(/\\(.)/gs, "$1"));
      at = parameter.lastIndex;
    }
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
