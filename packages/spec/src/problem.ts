/** A part of the text, as offsets in UTF-16 units; the end is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Something wrong at a place of the text, before it is rendered for a reader. */
export interface Problem {
  readonly at: Range;
  /** What is wrong and what was expected: one sentence without a final stop. */
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string | undefined;
  /** Other places that explain this one. */
  readonly notes?: readonly Note[];
}

/** A remark about another place. */
export interface Note {
  readonly at: Range;
  readonly message: string;
}

/** Takes a problem; whoever reports it goes on as well as it can. */
export type Report = (problem: Problem) => void;
