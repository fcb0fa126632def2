/**
 * An S-expression: an atom is a string, a list is an array.
 *
 * An atom is text. A byte that is not valid UTF-8 is a lone surrogate U+DC80..U+DCFF (see `toBytes`).
 */
export type Sexp = string | readonly Sexp[];
