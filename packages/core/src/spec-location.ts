/** A position in a spec. Line and column count from 1. */
export interface SpecLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line there, with carets below what is meant; by default none. */
  readonly excerpt?: string | undefined;
}

/** A step of a build that ended with an error. */
export interface FailedStep {
  /** The id that its layer would have; its log is kept under it. */
  readonly id: string;
  readonly op: "run" | "copy";
  /** As `StepInfo.heading`. */
  readonly heading: string;
  /** As `StepInfo.build`. */
  readonly build: readonly string[];
  /** The last lines of its output, as the guest printed them; empty if there was none. */
  readonly output: string;
}
