import * as fc from "fast-check";
import { isObError } from "@ob/core";

/** Code that reads what others have made, and inputs for it. */
export interface Target {
  readonly name: string;
  /**
   * Runs the code on one input that the generator chooses.
   *
   * @throws what must not happen: any error but one in words, or a wrong result.
   */
  readonly property: fc.IRawProperty<unknown>;
}

/** An error in words is an answer. */
export function refusedInWords(error: unknown): void {
  const isAnswer = isObError(error) || (error instanceof Error && error.name === "SpecError");
  if (!isAnswer) throw error;
}

/** A target whose code is called with an input, and may refuse it. */
export function target<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  call: (input: Input) => void,
): Target {
  const property = fc.property(inputs, (input) => {
    try {
      call(input);
    } catch (error) {
      refusedInWords(error);
    }
  });
  return { name, property };
}

/** As `target`, for code that waits. */
export function asyncTarget<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  call: (input: Input) => Promise<void>,
): Target {
  const property = fc.asyncProperty(inputs, async (input) => {
    await call(input).catch(refusedInWords);
  });
  return { name, property };
}
