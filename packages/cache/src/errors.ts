import { isObError, ObError, withStoreErrors } from "@ob/core";

/** Runs `work`; what goes wrong with a disk or a directory becomes a `CACHE` error. */
export async function withCacheErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await withStoreErrors(doing, work);
  } catch (error) {
    if (!isObError(error, "STORE", "TOOL_FAILED")) throw error;
    throw new ObError("CACHE", error.message, { cause: error, hint: error.hint });
  }
}
