import { isObError, type StartSmokeTest, cancelledError } from "@ob/core";
import type { ImageEvent } from "../build/phases.ts";
import { checkImage, type ImageToCheck } from "../check/check-image.ts";
import type { CaseResult } from "./case.ts";
import { describeError } from "./describe-error.ts";
import { type GuestFacts, noFacts, surveyGuest } from "./survey.ts";

export interface BootTools {
  readonly startSmokeTest: StartSmokeTest;
  /** Absolute path of an empty directory. */
  readonly scratch: string;
  readonly onResult: (result: CaseResult) => void;
  readonly signal: AbortSignal;
}

export interface FirstBoot {
  readonly facts: GuestFacts;
  readonly results: readonly CaseResult[];
  /** From the start of QEMU to the login, in milliseconds; undefined if there was none. */
  readonly bootMs: number | undefined;
}

/**
 * The first cases: the image boots, shows its identity, accepts a login, gives root, has what a build needs, and stops.
 * They are those of `checkImage`; the guest is surveyed meanwhile.
 *
 * @throws ObError `CANCELLED`.
 */
export async function bootCases(image: ImageToCheck, tools: BootTools): Promise<FirstBoot> {
  const { startSmokeTest, scratch, onResult, signal } = tools;
  const results: CaseResult[] = [];
  const add = (result: CaseResult): void => {
    results.push(result);
    onResult(result);
  };
  let facts = noFacts;
  let bootMs: number | undefined;
  const start: StartSmokeTest = async (request) => {
    const startedAt = performance.now();
    const guest = await startSmokeTest(request);
    bootMs = performance.now() - startedAt;
    facts = await surveyGuest(guest).catch(() => noFacts);
    return guest;
  };
  const onEvent = (event: ImageEvent): void => {
    if (event.type !== "check") return;
    const { what, outcome, detail } = event;
    const milliseconds = results.length === 0 ? bootMs : undefined;
    const reason = outcome === "passed" ? undefined : "The guest does not do that.";
    const output = outcome === "passed" ? undefined : detail;
    add({
      ...{ name: what, outcome, milliseconds },
      ...(reason !== undefined && { reason }),
      ...(output !== undefined && { output }),
    });
  };
  try {
    await checkImage(image, {
      startSmokeTest: start,
      scratch,
      strict: false,
      keepGoing: true,
      onEvent,
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw cancelledError(signal);
    if (!isObError(error)) throw error;
    const name = bootMs === undefined ? "boots and accepts a login" : "stops cleanly after its checks";
    add({ name, outcome: "failed", ...describeError(error) });
  }
  return { facts, results, bootMs };
}
