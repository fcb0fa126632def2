/** A part of the text, as offsets in UTF-16 units; the end is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** An error at a position of the text, before it is rendered. */
export interface Problem {
  readonly at: Range;
  /** What is wrong and what was expected: one sentence without a full stop at its end. */
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string | undefined;
  /** Other positions that explain this one. */
  readonly notes?: readonly Note[];
}

/** A remark about another position. */
export interface Note {
  readonly at: Range;
  readonly message: string;
}

/** Receives a problem. The caller then continues as well as it can. */
export type Report = (problem: Problem) => void;
