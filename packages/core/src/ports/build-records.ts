import type { Phase, VmStart } from "../events.ts";
import type { LayerId } from "../layer-id.ts";

/** How many builds a store remembers; the oldest go first. */
export const maxBuildRecords = 200;

/** How a build ended. */
export type BuildOutcome = "succeeded" | "failed" | "cancelled";

/** How a step of a build ended; `unfinished` if the build ended first. */
export type StepOutcome = "saved" | "cached" | "failed" | "cancelled" | "unfinished";

/** A time that the virtual machine of a step spent on one thing. */
export interface PhaseTime {
  readonly phase: Phase;
  /** From the begin of the step, in milliseconds. */
  readonly start: number;
  /** In milliseconds. */
  readonly milliseconds: number;
}

/** A step of a build, as it went then. */
export interface StepRecord {
  readonly id: LayerId;
  readonly op: "from" | "run" | "copy";
  /** As in `StepInfo`. */
  readonly heading: string;
  /** As in `StepInfo`. */
  readonly build: readonly string[];
  /** From the begin of the build, in milliseconds. */
  readonly start: number;
  readonly milliseconds: number;
  readonly outcome: StepOutcome;
  /** How its virtual machine came to run; absent if it had none. */
  readonly vmStart?: VmStart | undefined;
  /** Why it did not go on in the VM of the step before in its stage, as far as that is known. */
  readonly vmReason?: string | undefined;
  /** In the order in which they began; phases of a step that another build or process runs are not known. */
  readonly phases: readonly PhaseTime[];
  /** The space of the layer's own files on the host's disk, in bytes; absent if there is no layer. */
  readonly bytes?: number | undefined;
}

/** A build that has ended. Nothing in it comes from a guest, and no value of a secret. */
export interface BuildRecord {
  /** Twelve hexadecimal digits. */
  readonly id: string;
  /** The spec's file as it was given; `-` for standard input. */
  readonly spec: string;
  /** Absolute path of the source directory. */
  readonly context: string;
  readonly started: Date;
  readonly finished: Date;
  readonly outcome: BuildOutcome;
  /** The result of a build that has succeeded. */
  readonly layer?: LayerId | undefined;
  /** The code of the error that it ended with. */
  readonly errorCode?: string | undefined;
  /** In the order in which they began. */
  readonly steps: readonly StepRecord[];
}

/** The builds of a store that have ended: what `maxBuildRecords` allows. */
export interface BuildRecords {
  /** Adds a build, and drops what is too many. @throws ObError `STORE`, `NO_SPACE`. */
  add(record: BuildRecord): void;

  /** Newest first. */
  list(): readonly BuildRecord[];

  /** @returns how many of these there were. @throws ObError `STORE`. */
  remove(ids: readonly string[]): number;
}
