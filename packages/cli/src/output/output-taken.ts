import type { Output } from "../process-io.ts";

/** How much may wait in a stream, in bytes, before no more output of a guest is taken. */
const maxWaiting = 262_144;

/**
 * @param limit how much may wait in the stream, in bytes.
 * @returns a function for `BuildOptions.outputTaken` that watches a stream.
 */
export function outputTakenBy(output: Output, limit = maxWaiting): () => Promise<void> | undefined {
  let drained: Promise<void> | undefined;
  return () => {
    if (drained || output.writableNeedDrain !== true || (output.writableLength ?? 0) <= limit) return drained;
    const { promise, resolve } = Promise.withResolvers<void>();
    const events = ["drain", "close", "error"] as const;
    const done = () => {
      for (const event of events) output.off(event, done);
      drained = undefined;
      resolve();
    };
    for (const event of events) output.on(event, done);
    drained = promise;
    return promise;
  };
}
