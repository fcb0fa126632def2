import type { OnImageEvent } from "../build/phases.ts";
import type { CaseResult } from "./case.ts";

/** The results of all cases, with texts that are safe to show. */
export class ResultList {
  readonly all: CaseResult[] = [];
  readonly #safe: (text: string) => string;
  readonly #onEvent: OnImageEvent;

  constructor(safe: (text: string) => string, onEvent: OnImageEvent) {
    this.#safe = safe;
    this.#onEvent = onEvent;
  }

  /** @returns the result as it is in the list. */
  add(result: CaseResult): CaseResult {
    const clean = cleanResult(result, this.#safe);
    this.all.push(clean);
    return clean;
  }

  /** As `add`, with an event. */
  report(result: CaseResult): void {
    const { name: what, outcome, reason, milliseconds } = this.add(result);
    const detail = reason === undefined ? {} : { detail: reason };
    this.#onEvent({ type: "check", what, outcome, ...detail, milliseconds });
  }
}

function cleanResult(result: CaseResult, safe: (text: string) => string): CaseResult {
  const { name, outcome, reason, output, milliseconds } = result;
  return {
    ...{ name: safe(name), outcome },
    ...(reason !== undefined && { reason: safe(reason) }),
    ...(output !== undefined && output.trim() !== "" && { output: safe(output) }),
    ...(milliseconds !== undefined && { milliseconds: Math.round(milliseconds) }),
  };
}
