/** An expression of a spec: a list, or text that is written as it is. */
export type Written = string | readonly Written[];

/** A bare or quoted atom. Bytes outside of ASCII stay as they are. */
export function atom(text: string): string {
  return /^[!$-'*-:<-[\]-~]+$/.test(text) ? text : `"${escaped(text)}"`;
}

/**
 * A quoted atom over several lines of the spec, for one line of a shell.
 *
 * @param lines its parts. The blanks at the start of a part are written at the end of the line before, since a spec drops them there.
 */
export function continuedAtom(lines: readonly string[]): string {
  const parts: string[] = [];
  let blanks = "";
  for (const line of lines) {
    const text = blanks + line;
    const start = text.length - text.trimStart().length;
    const last = parts.length - 1;
    // A line of blanks only belongs to the next one.
    blanks = start === text.length ? text : "";
    if (blanks !== "" || text === "") continue;
    if (last >= 0) parts[last] += text.slice(0, start);
    parts.push(last >= 0 ? text.slice(start) : text);
  }
  return `"${parts.map(escaped).join("\\\n")}${blanks}"`;
}

/** An expression on one line, with atoms of several lines as they are. */
export function written(expression: Written): string {
  return typeof expression === "string" ? expression : `(${expression.map(written).join(" ")})`;
}

function escaped(text: string): string {
  return text
    .replaceAll(/["\\]/g, String.raw`\$&`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`);
}
