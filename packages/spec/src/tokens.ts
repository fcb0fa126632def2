import { createToken, Lexer, type TokenType } from "chevrotain";

/*
 * The tokens of an S-expression, as defined by Sexplib's parser (parsexp). The lexer has three modes: between atoms, in a
 * quoted atom, and in a block comment. Every text can be split into these tokens: errors are tokens of their own, which
 * the tree builder reports. No pattern has a repeated group: on a text of megabytes such a pattern overflows the stack of
 * the regular expression engine.
 */

const blank = createToken({ name: "Blank", pattern: /[ \t\n\f]+/, group: Lexer.SKIPPED });
const newline = createToken({ name: "Newline", pattern: "\r\n", group: Lexer.SKIPPED });
/** A carriage return without a newline. The original rejects it, so that line ends are unambiguous. */
export const loneReturn = createToken({ name: "LoneReturn", pattern: "\r" });
const lineComment = createToken({ name: "LineComment", pattern: /;[^\r\n]*/, group: Lexer.SKIPPED });
export const listOpen = createToken({ name: "ListOpen", pattern: "(" });
export const listClose = createToken({ name: "ListClose", pattern: ")" });
/** `#;`: the next expression is skipped. */
export const skipNext = createToken({ name: "SkipNext", pattern: "#;" });
export const bareAtom = createToken({ name: "BareAtom", pattern: /[^;()" \t\f\r\n]+/ });

export const commentOpen = createToken({ name: "CommentOpen", pattern: "#|", push_mode: "comment" });
export const commentClose = createToken({ name: "CommentClose", pattern: "|#", pop_mode: true });
const commentText = createToken({ name: "CommentText", pattern: /[^"#|]+/, group: Lexer.SKIPPED });
const commentMark = createToken({ name: "CommentMark", pattern: /[#|]/, group: Lexer.SKIPPED });

/** A `"` opens a string in a block comment as well; a `|#` in that string does not close the comment. */
export const stringOpen = createToken({ name: "StringOpen", pattern: '"', push_mode: "string" });
export const stringClose = createToken({ name: "StringClose", pattern: '"', pop_mode: true });
export const stringText = createToken({ name: "StringText", pattern: /[^"\\]+/ });
/** A backslash at the end of a line: it is removed with the line end and the leading blanks of the next line. */
export const lineJoin = createToken({ name: "LineJoin", pattern: /\\\r?\n[ \t]*/ });
export const hexEscape = createToken({ name: "HexEscape", pattern: /\\x[0-9a-fA-F]{2}/ });
export const decimalEscape = createToken({ name: "DecimalEscape", pattern: /\\[0-9]{3}/ });
export const brokenEscape = createToken({ name: "BrokenEscape", pattern: /\\(?:x[0-9a-fA-F]?|[0-9][0-9]?)/ });
export const characterEscape = createToken({ name: "CharacterEscape", pattern: /\\[^]/ });
/** A backslash as the last character of the text. */
export const danglingEscape = createToken({ name: "DanglingEscape", pattern: "\\" });

const modes: Record<"expression" | "string" | "comment", TokenType[]> = {
  expression: [
    blank,
    newline,
    loneReturn,
    lineComment,
    listOpen,
    listClose,
    stringOpen,
    skipNext,
    commentOpen,
    bareAtom,
  ],
  string: [
    stringText,
    stringClose,
    lineJoin,
    hexEscape,
    decimalEscape,
    brokenEscape,
    characterEscape,
    danglingEscape,
  ],
  comment: [commentText, commentOpen, commentClose, stringOpen, commentMark],
};

/** Every token type once. The order does not matter. */
export const tokenTypes: TokenType[] = [...new Set(Object.values(modes).flat())];

/** Creates a lexer. It keeps no state between texts. */
export function createLexer(): Lexer {
  return new Lexer(
    { defaultMode: "expression", modes },
    { positionTracking: "onlyOffset", skipValidations: true },
  );
}
