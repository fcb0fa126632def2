import { throwIfAborted } from "@ob/core";
import pMap from "p-map";

/** How many blobs are moved at the same time. */
const concurrency = 4;

/**
 * Runs `work` for all items, a few at a time, and resolves with the results in order. The first failure aborts the others;
 * it is thrown when they have ended, so that nothing goes on behind the caller's back.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal,
): Promise<readonly R[]> {
  const failed = new AbortController();
  const any = AbortSignal.any([signal, failed.signal]);
  const results = await pMap(
    items,
    async (item): Promise<{ value: R } | undefined> => {
      if (any.aborted) return undefined;
      try {
        return { value: await work(item, any) };
      } catch (error) {
        failed.abort(error);
        return undefined;
      }
    },
    { concurrency },
  );
  if (failed.signal.aborted) throw failed.signal.reason;
  throwIfAborted(signal);
  return results.flatMap((result) => (result ? [result.value] : []));
}
