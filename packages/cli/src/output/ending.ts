import { ObError } from "@ob/core";
import { exitCodeFor, interruptCode } from "../exit-codes.ts";
import type { Interrupt } from "../signals.ts";
import { codeOf } from "./render-error.ts";

/** How a command ends that has thrown. */
export interface Ending {
  /** What is reported. */
  readonly error: unknown;
  readonly exitCode: number;
}

/** @param interrupt what cancelled the command, if anything did. */
export function endingOf(thrown: unknown, interrupt: Interrupt | undefined): Ending {
  if (interrupt === undefined) return { error: thrown, exitCode: exitCodeFor(codeOf(thrown)) };
  // Ctrl-C also reaches the programs that are run, whose failure can arrive first.
  const code = codeOf(thrown);
  const isOther = code !== undefined && code !== "CANCELLED";
  const cancel = new ObError("CANCELLED", "Cancelled at user's request", { cause: thrown });
  return { error: isOther ? cancel : thrown, exitCode: interruptCode(interrupt) };
}
