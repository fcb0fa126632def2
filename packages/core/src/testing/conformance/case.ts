/**
 * One case of a conformance suite. It belongs to no test runner: give `name` and `run` to whichever there is.
 *
 *     for (const { name, run } of storeConformance(makeFixture)) it(name, run);
 */
export interface ConformanceCase {
  /** The behaviour, as a sentence. */
  readonly name: string;
  /** Rejects if the implementation behaves otherwise. */
  readonly run: () => Promise<void>;
}
