import type { ImageManifest } from "@ob/core";
import type { CaseResult } from "./case.ts";
import type { MachineStarts, Timing } from "./recorder.ts";
import type { GuestFacts } from "./survey.ts";

/** What a check ran on; the caller knows it. */
export interface CheckHost {
  /** The version of OBuilder. */
  readonly obuilder: string;
  /** QEMU's, where it is known. */
  readonly qemu: string | undefined;
  readonly accelerator: string;
}

/** The result of a check of the life cycle. All texts are safe to show, and name no directory of the host. */
export interface LifeCycleReport {
  readonly version: 1;
  /** True if every required case has passed or was skipped with a reason, and the guest was started at all. */
  readonly passed: boolean;
  /** ISO 8601. */
  readonly made: string;
  readonly milliseconds: number;
  readonly host: CheckHost & {
    readonly system: string;
    readonly arch: string;
    readonly cpus: number;
    readonly memoryMib: number;
  };
  readonly image: {
    readonly name: string;
    /** Without paths: the key's is left out. */
    readonly manifest: Omit<ImageManifest, "sshKey">;
    readonly hasManifest: boolean;
    /** Of the disk as the guest sees it, in bytes. */
    readonly virtualSize: number | undefined;
  };
  readonly guest: GuestFacts;
  readonly cases: readonly CaseResult[];
  readonly timings: readonly Timing[];
  readonly starts: MachineStarts;
  /** Of the builds, each once. */
  readonly warnings: readonly string[];
}

/** The number of cases with each outcome. */
export function countOutcomes(cases: readonly CaseResult[]): Readonly<Record<CaseResult["outcome"], number>> {
  const count = (outcome: CaseResult["outcome"]): number =>
    cases.filter((each) => each.outcome === outcome).length;
  return {
    passed: count("passed"),
    failed: count("failed"),
    warning: count("warning"),
    skipped: count("skipped"),
  };
}
