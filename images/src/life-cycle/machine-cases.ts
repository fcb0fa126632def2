import type { ImageManifest } from "@ob/core";
import type { CaseResult } from "./case.ts";
import type { MachineStarts } from "./recorder.ts";

/** Whether machines were reused and resumed; both only make builds faster, so that a guest may lack them. */
export function machineCases(
  { resumed, reused, reasons }: MachineStarts,
  { snapshotPoints = [] }: ImageManifest,
): readonly CaseResult[] {
  const because = (pattern: RegExp, otherwise: string): string =>
    reasons.find((text) => pattern.test(text)) ?? otherwise;
  const lacksPoints = "The image manifest names no point at which a snapshot can be taken (snapshotPoints).";
  const points = snapshotPoints.length === 0 ? lacksPoints : "No machine was started from a snapshot.";
  return [
    {
      name: "steps share a machine (VM reuse)",
      ...(reused > 0
        ? { outcome: "passed", reason: `${reused} steps were run in the machine of the step before.` }
        : { outcome: "skipped", reason: because(/^VM will not be reused/, "No machine was reused.") }),
    },
    {
      name: "machines are resumed from a snapshot",
      ...(resumed > 0
        ? { outcome: "passed", reason: `${resumed} machines were resumed.` }
        : { outcome: "skipped", reason: because(/^no VM snapshot/, points) }),
    },
  ];
}
