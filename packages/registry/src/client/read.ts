import { abortReason, isObError } from "@ob/core";
import { readBody } from "../http/body.ts";
import type { HttpResponse } from "../http/transport.ts";
import { isTransientError, pause } from "./backoff.ts";
import { unreachableError } from "./failure.ts";
import type { Session, SessionRequest } from "./session.ts";

/** Sends a request and reads the whole answer; if the connection ends before, it is sent again. */
export async function readAnswer(
  session: Session,
  request: SessionRequest,
  { what, limit }: { readonly what: string; readonly limit: number },
): Promise<{ readonly response: HttpResponse; readonly bytes: Buffer }> {
  const { signal } = request;
  for (let failures = 1; ; failures++) {
    const response = await session.send(request);
    try {
      return { response, bytes: await readBody(response.body, { what, limit }) };
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      if (isObError(error)) throw error;
      const isLast = failures >= session.backoff.attempts || !isTransientError(error);
      if (isLast) throw unreachableError(session.name(request), error);
      await pause(failures, { backoff: session.backoff, signal }).catch(() => {
        throw abortReason(signal);
      });
    }
  }
}
