/*
 * The tokens of an S-expression, as defined by Sexplib's parser (parsexp). The scanner has three modes: between atoms, in a
 * quoted atom, and in a block comment. Every text can be split into these tokens: errors are tokens of their own, which
 * the tree builder reports. No pattern has a repeated group: on a text of megabytes such a pattern overflows the stack of
 * the regular expression engine.
 */

/** A piece of a text. */
export interface Token {
  /** The text of the token itself. */
  readonly image: string;
  /** Where it starts, in UTF-16 units. */
  readonly startOffset: number;
}

/** Tokens that mean something. Blanks, line ends and what is in block comments are `skipped`. */
export type TokenKind =
  | "listOpen"
  | "listClose"
  | "bareAtom"
  /** `;` and the rest of its line. Only who keeps comments needs it. */
  | "lineComment"
  /** `#;`: the next expression is skipped. */
  | "skipNext"
  | "commentOpen"
  | "commentClose"
  /** A carriage return without a newline. The original rejects it, so that line ends are unambiguous. */
  | "loneReturn"
  /** A `"` opens a string in a block comment as well; a `|#` in that string does not close the comment. */
  | "stringOpen"
  | "stringClose"
  | "stringText"
  | "characterEscape"
  | "hexEscape"
  | "decimalEscape"
  | "brokenEscape"
  | "skipped";

type Mode = "expression" | "string" | "comment";

/** The patterns of a mode, in order: the first that matches is taken. */
type Patterns = readonly (readonly [TokenKind, RegExp])[];

const patterns: Readonly<Record<Mode, Patterns>> = {
  expression: [
    ["skipped", /[ \t\n\f]+|\r\n/],
    ["loneReturn", /\r/],
    ["lineComment", /;[^\r\n]*/],
    ["listOpen", /\(/],
    ["listClose", /\)/],
    ["stringOpen", /"/],
    ["skipNext", /#;/],
    ["commentOpen", /#\|/],
    ["bareAtom", /[^;()" \t\f\r\n]+/],
  ],
  string: [
    ["stringText", /[^"\\]+/],
    ["stringClose", /"/],
    // A backslash at the end of a line: it is removed with the line end and the leading blanks of the next line.
    ["skipped", /\\\r?\n[ \t]*/],
    ["hexEscape", /\\x[0-9a-fA-F]{2}/],
    ["decimalEscape", /\\[0-9]{3}/],
    ["brokenEscape", /\\(?:x[0-9a-fA-F]?|[0-9][0-9]?)/],
    ["characterEscape", /\\[^]/],
    // A backslash as the last character of the text.
    ["skipped", /\\/],
  ],
  comment: [
    ["skipped", /[^"#|]+/],
    ["commentOpen", /#\|/],
    ["commentClose", /\|#/],
    ["stringOpen", /"/],
    ["skipped", /[#|]/],
  ],
};

/** The mode after a token that opens or closes something. */
const opened: Readonly<Partial<Record<TokenKind, Mode>>> = { commentOpen: "comment", stringOpen: "string" };
const closing: ReadonlySet<TokenKind> = new Set<TokenKind>(["commentClose", "stringClose"]);

/** Calls `take` with every token of a text that is not skipped, in order. */
export function scan(text: string, take: (kind: TokenKind, token: Token) => void): void {
  const scanners = {
    expression: scannerOf("expression"),
    string: scannerOf("string"),
    comment: scannerOf("comment"),
  };
  const outer: Mode[] = [];
  let mode: Mode = "expression";
  let startOffset = 0;
  while (startOffset < text.length) {
    const found: Found = scanners[mode](text, startOffset);
    const { kind, image } = found;
    if (kind !== "skipped") take(kind, { image, startOffset });
    startOffset += image.length;
    const inner: Mode | undefined = opened[kind];
    if (inner !== undefined) {
      outer.push(mode);
      mode = inner;
    } else if (closing.has(kind)) mode = outer.pop() ?? "expression";
  }
}

interface Found {
  readonly kind: TokenKind;
  readonly image: string;
}

/** Reads the token at an offset. */
type Scanner = (text: string, offset: number) => Found;

/** One regular expression for all patterns of a mode, each in a group of its own. */
function scannerOf(mode: Mode): Scanner {
  const kinds = patterns[mode].map(([kind]) => kind);
  const all = new RegExp(patterns[mode].map(([, { source }]) => `(${source})`).join("|"), "y");
  return (text, offset) => {
    all.lastIndex = offset;
    const found = all.exec(text);
    const at = found?.findIndex((group, index) => index > 0 && group !== undefined) ?? 0;
    const kind = kinds[at - 1];
    if (found === null || kind === undefined) throw new TypeError(`no token at offset ${offset}`);
    return { kind, image: found[0] };
  };
}
