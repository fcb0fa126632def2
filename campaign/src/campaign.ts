import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator";

export type Random = JumpableRandomGenerator;

export interface CampaignOptions {
  readonly random: Random;
  /** When it is to end, on the clock of `performance.now()`. One that tries everything ends earlier or is cut short then. */
  readonly until: number;
  readonly say: (line: string) => void;
  /** True for real file systems, or the real command with real machines, in place of simulated ones; where a campaign has both. */
  readonly real: boolean;
  /** The part of it that is to be done, of a campaign that has parts. */
  readonly part: string | undefined;
}

/** What a campaign has done, and what it has found. */
export interface Outcome {
  /** Figures for the table, such as `["kill points", "625 of 625"]`. */
  readonly figures: readonly (readonly [name: string, value: string])[];
  /** What was wrong, in words. */
  readonly faults: readonly string[];
}

/** Faults of one kind, made many times. */
export interface Campaign {
  readonly name: string;
  run(options: CampaignOptions): Promise<Outcome>;
}
