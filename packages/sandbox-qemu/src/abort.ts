import { cancelled, isObError, type ObError } from "@ob/core";

/** Why a signal fired: the ObError that it was aborted with, otherwise `CANCELLED`. */
export function reasonOf(signal: AbortSignal): ObError {
  return isObError(signal.reason) ? signal.reason : cancelled(signal);
}

/** Throws the reason if the signal has fired. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw reasonOf(signal);
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it fires. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(reasonOf(signal));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A signal that fires with `error()` after so many milliseconds, unless it is disposed of before. */
export function deadline(
  milliseconds: number,
  error: () => unknown,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(error()), milliseconds);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
