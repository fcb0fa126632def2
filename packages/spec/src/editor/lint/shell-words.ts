/** A word of a shell's text, without its quotes. */
export interface Word {
  readonly kind: "word";
  readonly text: string;
  /** True if a part of it is known only when it runs: it has an expansion. */
  readonly isDynamic: boolean;
  /** In the text, in UTF-16 units; the end is exclusive. */
  readonly start: number;
  readonly end: number;
}

/** An operator that ends a command; `<<` for a here-document. */
export interface Operator {
  readonly kind: "operator";
  readonly text: string;
}

const operators = /\|\||&&|;;|\|&|[;&|()\n]/y;
const redirection = /\d*(?:<<<|<<|>>|<>|>\||&>>|&>|[<>]&|<|>)/y;

/** Reads the words and operators of a text one by one. Redirections and comments are left out. */
export function createWordReader(text: string): { next(): Word | Operator | undefined } {
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const skipBlanks = (): void => {
    while (true) {
      if (text.charAt(at) === " " || text.charAt(at) === "\t") at++;
      else if (text.startsWith("\\\n", at)) at += 2;
      else if (text.charAt(at) === "#") at = endOf(text, "\n", at);
      else return;
    }
  };
  const next = (): Word | Operator | undefined => {
    while (true) {
      skipBlanks();
      if (at >= text.length) return undefined;
      const redirected = match(redirection);
      if (redirected === undefined) break;
      at += redirected.length;
      if (/^\d*<<$/.test(redirected)) return { kind: "operator", text: "<<" };
      skipBlanks();
      at = readWord(text, at).end;
    }
    const operator = match(operators);
    if (operator !== undefined) {
      at += operator.length;
      return { kind: "operator", text: operator };
    }
    const word = readWord(text, at);
    at = Math.max(word.end, at + 1);
    return word;
  };
  return { next };
}

/** Reads a word up to a blank or an operator. */
function readWord(text: string, start: number): Word {
  let at = start;
  let value = "";
  let isDynamic = false;
  while (at < text.length) {
    const character = text.charAt(at);
    if (/[\s;&|()<>]/.test(character)) break;
    if (character === "'") {
      const end = endOf(text, "'", at + 1);
      value += text.slice(at + 1, end);
      at = end + 1;
    } else if (character === '"') {
      const quoted = readQuoted(text, at + 1);
      value += quoted.value;
      isDynamic ||= quoted.isDynamic;
      at = quoted.end;
    } else if (character === "\\") {
      value += text.charAt(at + 1) === "\n" ? "" : text.charAt(at + 1);
      at += 2;
    } else if (character === "$" || character === "`") {
      const end = endOfExpansion(text, at);
      isDynamic ||= end > at + 1;
      value += text.slice(at, end);
      at = end;
    } else {
      value += character;
      at++;
    }
  }
  return { kind: "word", text: value, isDynamic, start, end: Math.min(at, text.length) };
}

function readQuoted(text: string, start: number) {
  let at = start;
  let value = "";
  let isDynamic = false;
  while (at < text.length && text.charAt(at) !== '"') {
    const character = text.charAt(at);
    if (character === "\\" && /[$`"\\\n]/.test(text.charAt(at + 1))) {
      value += text.charAt(at + 1) === "\n" ? "" : text.charAt(at + 1);
      at += 2;
    } else if (character === "$" || character === "`") {
      const end = endOfExpansion(text, at);
      isDynamic ||= end > at + 1;
      value += text.slice(at, end);
      at = end;
    } else {
      value += character;
      at++;
    }
  }
  return { value, isDynamic, end: at + 1 };
}

/** The end of `$NAME`, `${...}`, `$(...)` or a substitution in backquotes; one character for a `$` alone. */
function endOfExpansion(text: string, start: number): number {
  if (text.charAt(start) === "`") return endOf(text, "`", start + 1) + 1;
  const opening = text.charAt(start + 1);
  if (opening === "{") return endOf(text, "}", start + 2) + 1;
  if (opening !== "(")
    return start + 1 + (/^(?:\w+|[@*#?$!-])/.exec(text.slice(start + 1, start + 200))?.[0].length ?? 0);
  let depth = 0;
  for (let at = start + 1; at < text.length; at++) {
    if (text.charAt(at) === "(") depth++;
    else if (text.charAt(at) === ")" && --depth === 0) return at + 1;
  }
  return text.length;
}

function endOf(text: string, closing: string, from: number): number {
  const end = text.indexOf(closing, from);
  return end === -1 ? text.length : end;
}
