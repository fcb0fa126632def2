import { errorMessage, isObError } from "@ob/core";

/** An error for a report: its first line, and then the others, such as the end of a console, with the hint. */
export function describeError(error: unknown): { readonly reason: string; readonly output: string } {
  const [reason = "", ...more] = errorMessage(error).split("\n");
  const hint = isObError(error) && error.hint !== undefined ? [`Hint: ${error.hint}`] : [];
  return { reason, output: [...more, ...hint].join("\n").trim() };
}
