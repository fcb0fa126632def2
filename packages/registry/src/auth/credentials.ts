/** What a registry, or its token server, is shown. */
export type Credentials =
  | { readonly kind: "anonymous" }
  /** A user with a password, or with an access token in its place. */
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An identity token (OAuth 2 refresh token), which only a token server takes. */
  | { readonly kind: "identity"; readonly token: string }
  /** A bearer token that the registry itself takes. */
  | { readonly kind: "bearer"; readonly token: string };

/**
 * Finds the credentials for a registry (`reg.example:5000`), when it asks for some for the first time.
 *
 * @param repository the repository that is wanted there.
 */
export type CredentialSource = (
  registry: string,
  options: { readonly repository: string; readonly signal: AbortSignal },
) => Promise<Credentials>;

export const anonymous: Credentials = { kind: "anonymous" };

/** The value of `Authorization` for a user with a password. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
