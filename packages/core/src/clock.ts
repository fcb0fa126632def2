/**
 * A monotonic clock, in milliseconds. For `performance`, Node.js loads a dozen modules when it is used first.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/**
 * The time of day of moments of this process, by what the clock says now. Spans between two of them are right, whatever the clock was
 * set to in between.
 *
 * @returns takes a value of `monotonicMs`.
 */
export function wallClock(): (moment: number) => Date {
  const offset = Date.now() - monotonicMs();
  return (moment) => new Date(offset + moment);
}

/**
 * True for a time of day that is longer ago than a span, and for one that is as far in the future: then the clock was wrong when it was
 * noted, and it would stay for ever.
 *
 * @param time in milliseconds since 1970, as `span` in milliseconds.
 */
export function isOutdated(time: number, span: number): boolean {
  return Math.abs(Date.now() - time) > span;
}
