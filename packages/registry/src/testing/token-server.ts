import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Certificate } from "./certificate.ts";

export interface TokenServerOptions {
  /** Signs tokens that `docker-registry` verifies. */
  readonly certificate?: Certificate | undefined;
  /** Who may push besides pull. */
  readonly username: string;
  readonly password: string;
  /** An identity token that stands for the same user. */
  readonly identity?: string | undefined;
  /** How long tokens hold, in seconds. */
  readonly expiresIn?: number | undefined;
}

/** What a token server was asked. */
export interface TokenQuestion {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly user: string | undefined;
}

/** A token server on the loopback: anybody may pull, one user may push. */
export class TokenServer implements AsyncDisposable {
  readonly questions: TokenQuestion[] = [];
  /** All tokens that were given. */
  readonly tokens = new Set<string>();
  readonly #options: TokenServerOptions;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  private constructor(options: TokenServerOptions) {
    this.#options = options;
  }

  static async start(options: TokenServerOptions): Promise<TokenServer> {
    const server = new TokenServer(options);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  /** The address for `Bearer realm=...`. */
  get realm(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/token`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const query = new URL(request.url ?? "", "http://tokens").searchParams;
    const isPost = request.method === "POST";
    const scopes = isPost ? (form.get("scope") ?? "").split(" ") : query.getAll("scope");
    const { username, password, identity, expiresIn = 300 } = this.#options;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const isKnown = isPost ? form.get("refresh_token") === identity : request.headers.authorization === basic;
    const isWrong = isPost ? !isKnown : request.headers.authorization !== undefined && !isKnown;
    this.questions.push({ method: request.method ?? "", scopes, user: isKnown ? username : undefined });
    if (isWrong) {
      response.writeHead(401).end();
      return;
    }
    const token = await this.#token(scopes, isKnown);
    this.tokens.add(token);
    response.end(JSON.stringify({ [isPost ? "access_token" : "token"]: token, expires_in: expiresIn }));
  }

  async #token(scopes: readonly string[], isKnown: boolean): Promise<string> {
    const { certificate, username } = this.#options;
    if (!certificate) return randomUUID();
    const access = scopes.map((scope) => {
      const [type, name, actions = ""] = scope.split(":");
      return { type, name, actions: actions.split(",").filter((action) => isKnown || action === "pull") };
    });
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: "tests",
      sub: username,
      aud: "registry",
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const der = certificate.pem.replaceAll(/-----[^-]+-----|\s/g, "");
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode({ typ: "JWT", alg: "ES256", x5c: [der] })}.${encode(claims)}`;
    const key = createPrivateKey(await readFile(certificate.key));
    const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  }
}
