/** A text with `${NAME}` in it, in parts. */
export type Template = readonly Part[];

type Part =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "variable";
      readonly name: string;
      /** `-`, `+` or `?`, with `:` before it if an empty value counts as none; undefined for `${NAME}`. */
      readonly operator: string | undefined;
      readonly word: Template;
    };

/** Why a text cannot be expanded: a sentence without a full stop. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The deepest nesting of `${A:-${B}}`. */
const deepestWord = 20;

/** The longest text that expansion makes, in characters: Linux takes no longer variable. */
const longestText = 131_072;

/**
 * Parses a text as the words of a Dockerfile: `${NAME}`, and `${NAME:-WORD}` with one of `:-`, `-`, `:+`, `+`, `:?`, `?`. `\${` is
 * text. Backslashes directly before `${` count in pairs, all others are text, and so is a `$` without a brace.
 *
 * @throws {TemplateError}
 */
export function parseTemplate(text: string): Template {
  const reader = { text, at: 0 };
  return readParts(reader, 0);
}

/**
 * @param lookUp the value of a variable; undefined if there is none.
 * @throws {TemplateError} for a variable without a value, and a text that becomes too long.
 */
export function fillTemplate(template: Template, lookUp: (name: string) => string | undefined): string {
  let text = "";
  for (const part of template) {
    text += part.kind === "text" ? part.text : valueOf(part, lookUp);
    if (text.length > longestText) {
      throw new TemplateError(`the text is longer than ${longestText} characters when its args are expanded`);
    }
  }
  return text;
}

interface Reader {
  readonly text: string;
  at: number;
}

const plainText = /[^\\$}]+/y;
const slashes = /\\+/y;
const head = /([A-Za-z_][A-Za-z0-9_]*)(:?[-+?]|(?=\}))/y;

function readParts(reader: Reader, depth: number): Template {
  const parts: Part[] = [];
  const { text } = reader;
  while (reader.at < text.length) {
    if (depth > 0 && text[reader.at] === "}") break;
    const run = take(reader, slashes)?.[0] ?? "";
    const isEscape = run.length % 2 === 1;
    if (text.startsWith("${", reader.at)) {
      reader.at += 2;
      parts.push({ kind: "text", text: "\\".repeat(run.length >> 1) + (isEscape ? "${" : "") });
      if (!isEscape) parts.push(readVariable(reader, depth));
    } else if (depth > 0 && isEscape && text[reader.at] === "}") {
      reader.at++;
      parts.push({ kind: "text", text: `${run.slice(1)}}` });
    } else if (run !== "") {
      parts.push({ kind: "text", text: run });
    } else {
      parts.push({ kind: "text", text: take(reader, plainText)?.[0] ?? text.charAt(reader.at++) });
    }
  }
  return parts;
}

/** Reads what follows `${`. */
function readVariable(reader: Reader, depth: number): Part {
  const start = reader.at;
  const [, name, operator] = take(reader, head) ?? [];
  if (name === undefined || operator === undefined || depth === deepestWord) {
    const found = reader.text.slice(start - 2, start + 20);
    throw new TemplateError(
      depth === deepestWord
        ? `variables are nested more than ${deepestWord} deep`
        : `expected \${NAME} or \${NAME:-WORD}, found ${JSON.stringify(found)}`,
      "write \\${ for the characters themselves",
    );
  }
  const word = operator === "" ? [] : readParts(reader, depth + 1);
  if (reader.text[reader.at] !== "}") {
    throw new TemplateError(`\${${name}${operator} is never closed: expected a "}"`);
  }
  reader.at++;
  return { kind: "variable", name, operator: operator === "" ? undefined : operator, word };
}

function take(reader: Reader, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return undefined;
  reader.at = pattern.lastIndex;
  return found;
}

function valueOf(
  { name, operator, word }: Extract<Part, { readonly kind: "variable" }>,
  lookUp: (name: string) => string | undefined,
): string {
  const value = lookUp(name);
  const missing = value === undefined || (operator?.startsWith(":") === true && value === "");
  switch (operator?.at(-1)) {
    case "-":
      return missing ? fillTemplate(word, lookUp) : value;
    case "+":
      return missing ? "" : fillTemplate(word, lookUp);
    case "?":
      if (!missing) return value;
      throw new TemplateError(fillTemplate(word, lookUp) || `the variable ${name} has no value`);
    case undefined:
    default:
      if (value !== undefined) return value;
      throw new TemplateError(
        `unknown variable ${JSON.stringify(name)}: neither (arg ${name}) nor (env ${name} ...) comes before this`,
        `write \\\${${name}} for the characters themselves`,
      );
  }
}
