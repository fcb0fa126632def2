import { EmbeddedActionsParser, type IToken, type Lexer, type TokenType } from "chevrotain";

import type { Report } from "./problem.ts";
import { createTokenReader, type Reading, type TokenReader } from "./token-reader.ts";
import * as token from "./tokens.ts";

/**
 * Parses every expression of a text. Errors are reported and repaired, so that the caller can find further errors: a list
 * that is open at the end is closed there, and a `)` without a list is ignored.
 */
export function parseExpressions(text: string, report: Report): Reading {
  built ??= { lexer: token.createLexer(), parser: new SexpParser() };
  const reader = createTokenReader(text, report);
  built.parser.read(built.lexer.tokenize(text).tokens, reader);
  return reader.finish();
}

/**
 * The grammar. It is flat: the token reader handles nesting, since a recursive rule would overflow the call stack on a
 * deeply nested text. It accepts every sequence of tokens that the lexer can produce.
 *
 *     expressions = ( "(" | ")" | atom | string | "#;" | "#|" | "|#" | lone return )*
 *     string      = '"' ( text | escape )* '"'?
 */
class SexpParser extends EmbeddedActionsParser {
  // Set only during a `read`. chevrotain also calls the rules once to learn the grammar.
  private reader: TokenReader | undefined;

  // Created once instead of for every token.
  private readonly expression = [
    this.alternative(token.listOpen, (reader, found) => reader.openList(found)),
    this.alternative(token.listClose, (reader, found) => reader.closeList(found)),
    this.alternative(token.bareAtom, (reader, found) => reader.bareAtom(found)),
    { ALT: () => this.SUBRULE(this.string) },
    this.alternative(token.skipNext, (reader, found) => reader.skipNext(found)),
    this.alternative(token.commentOpen, (reader, found) => reader.openComment(found)),
    this.alternative(token.commentClose, (reader, found) => reader.closeComment(found)),
    this.alternative(token.loneReturn, (reader, found) => reader.loneReturn(found)),
  ];

  private readonly piece = [
    this.alternative(token.stringText, (reader, found) => reader.stringText(found)),
    this.alternative(token.characterEscape, (reader, found) => reader.characterEscape(found)),
    this.alternative(token.hexEscape, (reader, found) => reader.hexEscape(found)),
    this.alternative(token.decimalEscape, (reader, found) => reader.decimalEscape(found)),
    this.alternative(token.brokenEscape, (reader, found) => reader.brokenEscape(found)),
    this.alternative(token.lineJoin, () => {}),
    this.alternative(token.danglingEscape, () => {}),
  ];

  private readonly string = this.RULE("string", () => {
    const open = this.CONSUME(token.stringOpen);
    this.MANY(() => {
      this.OR(this.piece);
    });
    const close = this.OPTION(() => this.CONSUME(token.stringClose));
    this.reader?.endString(open, close);
  });

  private readonly expressions = this.RULE("expressions", () => {
    this.MANY(() => {
      this.OR(this.expression);
    });
  });

  constructor() {
    super(token.tokenTypes, { maxLookahead: 1, skipValidations: true });
    this.performSelfAnalysis();
  }

  read(tokens: IToken[], reader: TokenReader): void {
    this.reader = reader;
    try {
      this.input = tokens;
      this.expressions();
      const [error] = this.errors;
      if (error !== undefined) throw error;
    } finally {
      this.reader = undefined;
      this.input = [];
    }
  }

  private alternative(type: TokenType, take: (reader: TokenReader, found: IToken) => void) {
    return {
      ALT: (): void => {
        const found = this.CONSUME(type);
        if (this.reader !== undefined) take(this.reader, found);
      },
    };
  }
}

// The only state of this module: a constant that takes some milliseconds to create, so it is created at the first use. A
// parse leaves nothing in it.
let built: { readonly lexer: Lexer; readonly parser: SexpParser } | undefined;
