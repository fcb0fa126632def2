import { firstError, ObError } from "@ob/core";
import { exitCodeFor, interruptCode } from "./exit-codes.ts";
import { codeOf } from "./output/render-error.ts";
import type { ProcessIo } from "./process-io.ts";

/** How a command ends that has thrown. */
export interface CommandEnd {
  /** What is to be told. */
  readonly error: unknown;
  readonly exitCode: number;
}

export function commandEnd(thrown: unknown, { interruptedBy }: Pick<ProcessIo, "interruptedBy">): CommandEnd {
  const first = firstError(thrown);
  const interrupt = interruptedBy();
  if (interrupt === undefined) return { error: first, exitCode: exitCodeFor(codeOf(first)) };
  // Ctrl-C also reaches the programs that are run, whose failure can arrive first.
  const cancel = new ObError("CANCELLED", "Cancelled at user's request", { cause: first });
  return { error: codeOf(first) === undefined ? first : cancel, exitCode: interruptCode(interrupt) };
}
