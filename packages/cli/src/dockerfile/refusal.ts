/** What of a Dockerfile cannot be said in a spec. */
export interface Refusal {
  /** From 1. */
  readonly line: number;
  /** The instruction, such as `ADD`. */
  readonly instruction: string;
  /** Why: a clause without a full stop at its end. */
  readonly reason: string;
  readonly hint?: string | undefined;
}

/** Ends the conversion of one instruction. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly hint: string | undefined;

  constructor(reason: string, hint?: string) {
    super(reason);
    this.hint = hint;
  }
}
