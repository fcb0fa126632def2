/** What a snapshot has been worth until its last use. */
export interface Usage {
  /** How long a guest took, without it, to where it was taken, in milliseconds. */
  readonly costMs: number;
  /** How often it was used, its making included; earlier uses count less. */
  readonly uses: number;
  /** In milliseconds since 1970. */
  readonly lastUsed: number;
}

/** After this time a use counts half. In milliseconds. */
const halfLife = 24 * 3_600_000;

/** One more use, now. */
export function usedAgain(usage: Usage, now: number): Usage {
  return { costMs: usage.costMs, uses: usesAt(usage, now) + 1, lastUsed: now };
}

/** The time that a snapshot is likely to save, for each byte that it takes: the one with the least is the first to go. */
export function usefulness(
  usage: Usage,
  { bytes, now }: { readonly bytes: number; readonly now: number },
): number {
  return (usage.costMs * usesAt(usage, now)) / Math.max(bytes, 1);
}

function usesAt({ uses, lastUsed }: Usage, now: number): number {
  return uses * 0.5 ** (Math.max(now - lastUsed, 0) / halfLife);
}
