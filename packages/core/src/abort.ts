import { cancelledError, isObError, type ObError } from "./errors.ts";

/** Why a signal fired: the `ObError` that it was aborted with, otherwise `CANCELLED`. */
export function abortReason(signal: AbortSignal): ObError {
  return isObError(signal.reason) ? signal.reason : cancelledError(signal);
}

/** Throws the reason if the signal has fired. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortReason(signal);
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it fires: see `abortReason`. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await rejectOnAbort(promise, { signal, error: abortReason });
}

/**
 * Settles as `promise` does, or rejects with `CANCELLED` as soon as the signal fires, whatever it was aborted with. What
 * the promise stands for is not ended: the caller no longer waits for it.
 */
export async function orCancelled<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return signal ? await rejectOnAbort(promise, { signal, error: cancelledError }) : await promise;
}

async function rejectOnAbort<T>(
  promise: Promise<T>,
  { signal, error }: { readonly signal: AbortSignal; readonly error: (signal: AbortSignal) => ObError },
): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(error(signal));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The longest time that a timer of Node.js takes: with more it would fire at once. */
const longestTimer = 2 ** 31 - 1;

/** A signal that fires with `error()` after so many milliseconds, unless it is disposed of before. */
export function deadline(
  milliseconds: number,
  error: () => unknown,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(error()), Math.min(milliseconds, longestTimer));
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
