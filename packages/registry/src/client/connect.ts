import { deadline, type Emit } from "@ob/core";
import { Authorizer } from "../auth/authorizer.ts";
import type { CredentialSource } from "../auth/credentials.ts";
import type { SendTokenRequest } from "../auth/token.ts";
import { registryError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { createTransport, type Transport } from "../http/transport.ts";
import type { Backoff } from "./backoff.ts";
import { unreachableError } from "./failure.ts";
import { Session } from "./session.ts";

export interface ConnectOptions {
  readonly origin: URL;
  /** The name of the registry, as credentials are kept for it. */
  readonly registry: string;
  readonly repository: string;
  readonly credentials: CredentialSource;
  readonly ca: string | undefined;
  readonly idleMs: number;
  readonly backoff: Backoff;
  readonly emit: Emit;
}

const tokenTimeoutMs = 60_000;

/** Puts transport, authorization and session together. The transport must be disposed of. */
export function connect({
  origin,
  registry,
  repository,
  credentials,
  ca,
  idleMs,
  backoff,
  emit,
}: ConnectOptions): {
  readonly session: Session;
  readonly transport: Transport;
} {
  const transport = createTransport({ ca, origin, idleMs });
  let found: ReturnType<CredentialSource> | undefined;
  const authorizer = new Authorizer({
    origin,
    credentials: async () => {
      using limit = tokenDeadline(origin.host);
      found ??= credentials(registry, { repository, signal: limit.signal });
      // What failed once may work the next time: the user may have unlocked the key store.
      found.catch(() => (found = undefined));
      return await found;
    },
    send: tokenSender(transport),
  });
  return { session: new Session({ origin, transport, authorizer, backoff, emit }), transport };
}

function tokenDeadline(host: string): ReturnType<typeof deadline> {
  return deadline(tokenTimeoutMs, () =>
    registryError(`Authorizing with ${host} took longer than ${tokenTimeoutMs / 1000} s.`),
  );
}

/** Token servers are asked once, and their redirects are not followed: they get credentials. */
function tokenSender(transport: Transport): SendTokenRequest {
  return async ({ method, url, headers, body }) => {
    using limit = tokenDeadline(url.host);
    try {
      const response = await transport.send({ method, url, headers, body, signal: limit.signal });
      const what = `The answer of the token server ${url.host}`;
      return { status: response.status, body: await readBody(response.body, { what, limit: 1 << 20 }) };
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      throw error instanceof Error && error.name === "ObError"
        ? error
        : unreachableError({ method, registry: url.host, path: url.pathname }, error);
    }
  };
}
