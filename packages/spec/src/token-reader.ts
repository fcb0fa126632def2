import { byteText, normalizeBytes } from "./byte-text.ts";
import type { Problem, Range, Report } from "./problem.ts";
import type { Token } from "./tokens.ts";
import { createTreeBuilder, type Expressions } from "./tree-builder.ts";

/** The expressions of a text, and how far they are reliable. */
export interface Reading extends Expressions {
  /**
   * The start of the first string or comment that is never closed and may contain the rest; otherwise the text's length.
   */
  readonly soundUntil: number;
}

/** Receives the tokens of a text in order, and builds the tree. */
export interface TokenReader {
  listOpen(token: Token): void;
  listClose(token: Token): void;
  bareAtom(token: Token): void;
  skipNext(token: Token): void;
  commentOpen(token: Token): void;
  commentClose(token: Token): void;
  loneReturn(token: Token): void;
  stringText(token: Token): void;
  characterEscape(token: Token): void;
  hexEscape(token: Token): void;
  decimalEscape(token: Token): void;
  brokenEscape(token: Token): void;
  /** The end of a string. Without `close` the text ended first. */
  endString(open: Token, close: Token | undefined): void;
  /** The end of the text. */
  finish(): Reading;
}

const characterEscapes: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["b", "\b"],
  ["t", "\t"],
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
  // A backslash before a lone carriage return: the original drops the backslash.
  ["\r", "\r"],
]);

/** Creates a reader for the tokens of `text`. */
export function createTokenReader(text: string, report: Report): TokenReader {
  const tree = createTreeBuilder(text, report);
  const comments: Range[] = [];
  const strings = createStringReader(report);
  let soundUntil = text.length;

  return {
    listOpen: (token) => tree.openList(rangeOf(token)),
    listClose: (token) => tree.closeList(rangeOf(token)),
    bareAtom: (token) => {
      const mark = /#\||\|#/.exec(token.image);
      if (mark !== null) report(markInAtom(token, { at: mark.index, mark: mark[0] }));
      tree.addAtom(rangeOf(token), token.image);
    },
    skipNext: (token) => tree.skipNext(rangeOf(token)),
    commentOpen: (token) => {
      comments.push(rangeOf(token));
    },
    commentClose: () => {
      comments.pop();
    },
    loneReturn: (token) =>
      report({
        at: rangeOf(token),
        message: "a carriage return without a newline after it",
        hint: "end lines with a newline, or with both",
      }),
    ...strings.pieces,
    endString: (open, close) => {
      const at = { start: open.startOffset, end: (close?.startOffset ?? text.length - 1) + 1 };
      const { contents, firstMultiline } = strings.end(open, { closed: close !== undefined });
      if (close === undefined) {
        soundUntil = Math.min(at.start, firstMultiline?.start ?? at.start);
        report(neverClosedString(rangeOf(open), { inComment: comments.at(-1), firstMultiline }));
      }
      if (comments.length === 0) tree.addAtom(at, contents);
    },
    finish: () => {
      const comment = comments.at(-1);
      const cutShort = comment !== undefined || soundUntil < text.length;
      if (comment !== undefined && soundUntil === text.length) {
        soundUntil = comment.start;
        report(neverClosedComment(comment));
      }
      return { ...tree.finish({ cutShort }), soundUntil };
    },
  };
}

interface StringReader {
  readonly pieces: Pick<
    TokenReader,
    "stringText" | "characterEscape" | "hexEscape" | "decimalEscape" | "brokenEscape"
  >;
  /** Ends a string. @returns its contents, and the first string so far that was closed on another line. */
  end(
    open: Token,
    options: { readonly closed: boolean },
  ): { readonly contents: string; readonly firstMultiline: Range | undefined };
}

function createStringReader(report: Report): StringReader {
  let pieces: string[] = [];
  let hasNewline = false;
  let firstMultiline: Range | undefined;

  return {
    pieces: {
      stringText: (token) => {
        pieces.push(token.image);
        hasNewline ||= token.image.includes("\n");
      },
      characterEscape: (token) => {
        const character = token.image.slice(1);
        // A sequence that is not an escape is kept unchanged, with its backslash.
        pieces.push(characterEscapes.get(character) ?? token.image);
      },
      hexEscape: (token) => {
        pieces.push(byteText(Number.parseInt(token.image.slice(2), 16)));
      },
      decimalEscape: (token) => {
        const byte = Number(token.image.slice(1));
        if (byte > 255) report(outOfRange(token));
        else pieces.push(byteText(byte));
      },
      brokenEscape: (token) => report(brokenEscape(token)),
    },
    end: (open, { closed }) => {
      if (closed && hasNewline) firstMultiline ??= rangeOf(open);
      const contents = normalizeBytes(pieces.join(""));
      pieces = [];
      hasNewline = false;
      return { contents, firstMultiline };
    },
  };
}

function rangeOf(token: Token): Range {
  return { start: token.startOffset, end: token.startOffset + token.image.length };
}

function markInAtom(token: Token, found: { readonly at: number; readonly mark: string }): Problem {
  const start = token.startOffset + found.at;
  const closesNothing = token.image.startsWith("|#");
  return {
    at: { start, end: start + 2 },
    message: closesNothing
      ? "'|#' closes a comment, and none is open here"
      : `'${found.mark}' inside of an atom`,
    hint: closesNothing
      ? "remove it, or open the comment with '#|'"
      : "put the atom in quotes, or a blank before the comment",
  };
}

function outOfRange(token: Token): Problem {
  return {
    at: rangeOf(token),
    message: `${token.image} is not a byte: expected a decimal number from \\000 to \\255`,
    hint: String.raw`for a backslash itself write \\`,
  };
}

function brokenEscape(token: Token): Problem {
  const hex = token.image.startsWith("\\x");
  return {
    at: rangeOf(token),
    message: hex
      ? String.raw`an escape that is cut short: expected two hexadecimal digits after \x`
      : String.raw`an escape that is cut short: expected three decimal digits after \ `.trimEnd(),
    hint: String.raw`for a backslash itself write \\`,
  };
}

function neverClosedString(
  at: Range,
  around: { readonly inComment: Range | undefined; readonly firstMultiline: Range | undefined },
): Problem {
  return {
    at,
    message: `this string is never closed: expected a '"' before the end of the file`,
    hint:
      around.inComment === undefined
        ? undefined
        : "strings count in a block comment as well: close it, or use ';' comments",
    notes:
      around.firstMultiline === undefined
        ? []
        : [
            {
              at: around.firstMultiline,
              message: "this string runs over the end of its line: is its '\"' missing?",
            },
          ],
  };
}

function neverClosedComment(at: Range): Problem {
  return {
    at,
    message: "this comment is never closed: expected a '|#' before the end of the file",
    hint: "block comments nest: each '#|' needs a '|#' of its own",
  };
}
