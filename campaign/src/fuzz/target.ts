import * as fc from "fast-check";
import { isObError } from "@ob/core";

/** Code that reads what others have made, and inputs for it. */
export interface Target {
  readonly name: string;
  /** How many inputs it gets in the whole campaign; a million if absent. */
  readonly wanted?: number | undefined;
  /**
   * Runs the code on one input that the generator chooses. Its error is what must not happen: any but one in words, or a wrong result.
   *
   * @param onRead called for each input that the code has taken, and not refused.
   */
  property(onRead: () => void): fc.IRawProperty<unknown>;
}

/** An error in words is an answer. */
export function refusedInWords(error: unknown): void {
  const isAnswer = isObError(error) || (error instanceof Error && error.name === "SpecError");
  if (!isAnswer) throw error;
}

/** What code says of an input: false if it has refused it without an error. */
type Verdict = boolean | void;

/** A target whose code is called with an input, and may refuse it. */
export function target<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  call: (input: Input) => Verdict,
): Target {
  return {
    name,
    property: (onRead) =>
      fc.property(inputs, (input) => {
        try {
          if (call(input) !== false) onRead();
        } catch (error) {
          refusedInWords(error);
        }
      }),
  };
}

/** As `target`, for code that waits. */
export function asyncTarget<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  call: (input: Input) => Promise<Verdict>,
): Target {
  return {
    name,
    property: (onRead) =>
      fc.asyncProperty(inputs, async (input) => {
        try {
          if ((await call(input)) !== false) onRead();
        } catch (error) {
          refusedInWords(error);
        }
      }),
  };
}
