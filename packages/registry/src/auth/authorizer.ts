import { quotedName } from "@ob/core";
import { registryError } from "../errors.ts";
import { isNearHost } from "../http/near.ts";
import { isLoopback } from "../reference/reference.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";
import { fetchToken, type SendTokenRequest } from "./token.ts";

/** What a request may do: `repository:path/name:pull,push`; several for a mount. */
export type Scope = readonly string[];

export interface AuthorizerOptions {
  /** The origin of the registry: the only one whose requests are authorized. */
  readonly origin: URL;
  readonly credentials: () => Promise<Credentials>;
  readonly send: SendTokenRequest;
}

interface CachedToken {
  readonly authorization: string;
  /** By `performance.now()`. */
  readonly expires: number;
}

/** Turns what a registry asks for into the value of `Authorization`, and keeps it as long as it holds. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, CachedToken>();
  readonly #fetching = new Map<string, Promise<CachedToken>>();
  /** Set once the registry has asked for a user and a password, or for a token that the user has. */
  #fixed: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The value of `Authorization` that is known for a scope; undefined at first, and when a token has expired. */
  known(scope: Scope): string | undefined {
    if (this.#fixed !== undefined) return this.#fixed;
    const token = this.#tokens.get(scope.join(" "));
    return token && token.expires > performance.now() ? token.authorization : undefined;
  }

  /**
   * Answers a response with status 401.
   *
   * @param headers the values of `WWW-Authenticate`.
   * @param refused the authorization that the request had: what was refused is not tried again.
   * @returns undefined if there is nothing else to try.
   * @throws ObError `REGISTRY` if the token server refuses, or may not be asked.
   */
  async answer(
    headers: readonly string[],
    { scope, refused }: { readonly scope: Scope; readonly refused: string | undefined },
  ): Promise<string | undefined> {
    const challenges = parseChallenges(headers);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    const credentials = await this.#options.credentials();
    if (credentials.kind === "bearer") return this.#fix(`Bearer ${credentials.token}`, refused);
    if (bearer) {
      const token = await this.#token(bearer, { scope, credentials });
      return token.authorization === refused ? undefined : token.authorization;
    }
    const wantsPassword = challenges.some(({ scheme }) => scheme === "basic");
    if (!wantsPassword || credentials.kind !== "password") return undefined;
    return this.#fix(basicAuthorization(credentials.username, credentials.password), refused);
  }

  #fix(authorization: string, refused: string | undefined): string | undefined {
    if (authorization === refused) return undefined;
    this.#fixed = authorization;
    return authorization;
  }

  /** Requests of one scope that come at the same time share a token. */
  async #token(
    challenge: Challenge,
    { scope, credentials }: { readonly scope: Scope; readonly credentials: Credentials },
  ): Promise<CachedToken> {
    const key = scope.join(" ");
    const fetching = this.#fetching.get(key) ?? this.#fetch(challenge, { scope, credentials });
    this.#fetching.set(key, fetching);
    try {
      const token = await fetching;
      this.#tokens.set(key, token);
      return token;
    } finally {
      this.#fetching.delete(key);
    }
  }

  async #fetch(
    challenge: Challenge,
    { scope, credentials }: { readonly scope: Scope; readonly credentials: Credentials },
  ): Promise<CachedToken> {
    const { origin, send } = this.#options;
    const realm = checkRealm(challenge.parameters.get("realm"), origin);
    const service = challenge.parameters.get("service");
    const { token, lifetimeMs } = await fetchToken({ realm, service, scope, credentials, send });
    return { authorization: `Bearer ${token}`, expires: performance.now() + lifetimeMs };
  }
}

/**
 * The token server gets the credentials, so a registry may name only one that is reached by https; or, by plain http, one on
 * its own host. This machine's own servers are named only by registries on this machine.
 */
function checkRealm(realm: string | undefined, origin: URL): URL {
  const url = URL.parse(realm ?? "");
  const refuse = (why: string): Error =>
    registryError(
      `${origin.host} names a token server ${quotedName(realm ?? "")} that is not asked: ${why}.`,
      {
        data: { registry: origin.host },
      },
    );
  if (!url) throw refuse("it is not a URL");
  if (url.username !== "" || url.password !== "") throw refuse("it has a user in it");
  if (isNearHost(url.hostname) && !isNearHost(origin.hostname)) throw refuse("it is on this machine");
  if (url.protocol === "https:") return url;
  if (url.protocol !== "http:" || origin.protocol !== "http:") throw refuse("it is not reached by https");
  const isSameHost = url.hostname === origin.hostname || isLoopback(url.host);
  if (!isSameHost) throw refuse("it is on another host and not reached by https");
  return url;
}
