import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator";

export type Random = JumpableRandomGenerator;

export interface CampaignOptions {
  readonly random: Random;
  /** How long it is to take, in milliseconds. One that tries everything ends earlier. */
  readonly duration: number;
  /** Aborted when that time is over, or when it is to end before. */
  readonly signal: AbortSignal;
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
