import * as v from "valibot";
import { registryError } from "../errors.ts";
import { parseJson } from "../http/json.ts";
import { basicAuthorization, type Credentials } from "./credentials.ts";

/** Sends a request to a token server. Resolves with a response of any status, its body bounded. */
export type SendTokenRequest = (request: {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}) => Promise<{ readonly status: number; readonly body: Uint8Array }>;

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: readonly string[];
  readonly credentials: Credentials;
  readonly send: SendTokenRequest;
}

const tokenText = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,65536}$/, "is not a token"));
const schema = v.object({
  token: v.optional(tokenText),
  access_token: v.optional(tokenText),
  expires_in: v.optional(v.pipe(v.number(), v.minValue(0)), 60),
});

/**
 * Asks a token server for a token, as Docker's registries describe it: by GET with a user and a password or anonymously,
 * by POST (OAuth 2) with an identity token.
 *
 * @throws ObError `REGISTRY` if it is refused. Neither the credentials nor the answer are in the message.
 */
export async function fetchToken({
  realm,
  service,
  scope,
  credentials,
  send,
}: TokenRequest): Promise<{ readonly token: string; readonly lifetimeMs: number }> {
  const request =
    credentials.kind === "identity"
      ? oauthRequest({ realm, service, scope, token: credentials.token })
      : plainRequest({ realm, service, scope, credentials });
  const { status, body } = await send(request);
  if (status !== 200) {
    throw registryError(`The token server ${realm.host} refused to give a token (status ${status}).`, {
      hint: "Check the user and the password of the registry, and that the user may do this.",
      data: {
        registry: realm.host,
        status: String(status),
        ...(status < 500 && { problem: "unauthorized" }),
      },
    });
  }
  const answer = parseJson(body, { what: `The answer of the token server ${realm.host}`, schema });
  const token = answer.token ?? answer.access_token;
  if (token === undefined) throw registryError(`The token server ${realm.host} answered without a token.`);
  // A token is not used in its last tenth, so that it still holds when it arrives.
  return { token, lifetimeMs: Math.min(answer.expires_in, 86_400) * 900 };
}

type Wanted = Pick<TokenRequest, "realm" | "service" | "scope">;

function plainRequest({
  realm,
  service,
  scope,
  credentials,
}: Wanted & { readonly credentials: Credentials }): Parameters<SendTokenRequest>[0] {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const each of scope) url.searchParams.append("scope", each);
  if (credentials.kind !== "password") return { method: "GET", url, headers: {} };
  const { username, password } = credentials;
  url.searchParams.set("account", username);
  return { method: "GET", url, headers: { authorization: basicAuthorization(username, password) } };
}

function oauthRequest({
  realm,
  service,
  scope,
  token,
}: Wanted & { readonly token: string }): Parameters<SendTokenRequest>[0] {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "obuilder",
    refresh_token: token,
    scope: scope.join(" "),
    ...(service !== undefined && { service }),
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", url: realm, headers, body: form.toString() };
}
