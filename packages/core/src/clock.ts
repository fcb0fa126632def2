/**
 * A monotonic clock, in milliseconds. For `performance`, Node.js loads a dozen modules when it is used first.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
