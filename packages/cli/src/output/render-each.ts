import { exitCodeFor } from "../exit-codes.ts";
import type { ProcessIo } from "../process-io.ts";
import { type ColorMode, colorsFor } from "./colors.ts";
import { codeOf, renderError } from "./render-error.ts";

/**
 * Does the work for each item. With several items an error of one is printed, and the others are worked on all the same; a bug
 * and a cancel end it.
 *
 * @returns the exit code of the first error; undefined if there is none.
 */
export async function renderEach<T>(
  items: readonly T[],
  { io, color }: { readonly io: ProcessIo; readonly color: ColorMode },
  work: (item: T) => Promise<void>,
): Promise<number | undefined> {
  let failed: number | undefined;
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      const code = codeOf(error);
      if (items.length === 1 || code === undefined || code === "CANCELLED") throw error;
      failed ??= exitCodeFor(code);
      const colors = colorsFor(io.stderr, { mode: color, env: io.env });
      // The pointer to the help, of an error of usage, is for the command line as a whole.
      io.stderr.write(renderError(error, { colors, verbose: false }).replace(/^Try 'obuilder.*\n/m, ""));
    }
  }
  return failed;
}
