import { setTimeout as sleep } from "node:timers/promises";
import { errnoCode } from "@ob/core";

/** How often, and after how long, a request is repeated that failed for a reason that may pass. */
export interface Backoff {
  /** How many attempts in a row, without progress, are made. */
  readonly attempts: number;
  /** The pause before the second attempt in milliseconds; each further one is twice as long. */
  readonly pauseMs: number;
}

export const defaultBackoff: Backoff = { attempts: 5, pauseMs: 250 };

/** The longest pause that a server can ask for by `Retry-After`, in milliseconds. */
const longestPause = 60_000;

/** True for a status that may be another one a little later. */
export function isTransientStatus(status: number): boolean {
  return [408, 425, 429, 500, 502, 503, 504].includes(status);
}

const transientCodes: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_RESPONSE",
  "UND_ERR_ABORTED",
]);

/** True for an error of a connection that a new one may not have. */
export function isTransientError(error: unknown): boolean {
  const code = errnoCode(error);
  if (code !== undefined && transientCodes.has(code)) return true;
  // Of several addresses of a host each may have an error of its own.
  if (error instanceof AggregateError) return error.errors.some(isTransientError);
  return error instanceof Error && error.cause !== undefined && isTransientError(error.cause);
}

/** The pause that `Retry-After` asks for, in milliseconds; undefined without one. */
export function retryAfter(value: string | undefined, now: number = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  const wanted = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return Number.isNaN(wanted) ? undefined : Math.min(Math.max(wanted, 0), longestPause);
}

/** Waits before attempt number `failures + 1`. Rejects as soon as the signal fires. */
export async function pause(
  failures: number,
  { backoff, asked, signal }: { backoff: Backoff; asked?: number | undefined; signal: AbortSignal },
): Promise<void> {
  const grown = Math.min(backoff.pauseMs * 2 ** (failures - 1), 8_000);
  // Many clients that failed at once must not come back at once.
  const mine = grown * (0.75 + Math.random() / 2);
  await sleep(Math.max(mine, asked ?? 0), undefined, { signal });
}
