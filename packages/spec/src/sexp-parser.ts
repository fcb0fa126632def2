import type { Report } from "./problem.ts";
import { createTokenReader, type Reading } from "./token-reader.ts";
import { scan, type Token } from "./tokens.ts";

/**
 * Parses every expression of a text. Errors are reported and repaired, so that the caller can find further errors: a list
 * that is open at the end is closed there, and a `)` without a list is ignored.
 *
 * The grammar is flat: the token reader handles nesting, since recursion would overflow the call stack on a deeply nested
 * text. It accepts every sequence of tokens that the scanner can produce.
 *
 *     expressions = ( "(" | ")" | atom | string | "#;" | "#|" | "|#" | lone return )*
 *     string      = '"' ( text | escape )* '"'?
 */
export function parseExpressions(text: string, report: Report): Reading {
  const reader = createTokenReader(text, report);
  let string: Token | undefined;
  const endString = (close: Token | undefined): void => {
    if (string !== undefined) reader.endString(string, close);
    string = undefined;
  };
  scan(text, (kind, token) => {
    if (kind === "stringOpen") string = token;
    else if (kind === "stringClose") endString(token);
    else if (kind !== "skipped" && kind !== "lineComment") reader[kind](token);
  });
  endString(undefined);
  return reader.finish();
}
