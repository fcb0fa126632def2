import type { Readable } from "node:stream";
import { abortable, abortReason, deadline, type Emit, isObError } from "@ob/core";
import { registryError } from "../errors.ts";
import type { Authorizer, Scope } from "../auth/authorizer.ts";
import { discard } from "../http/body.ts";
import type { HttpRequest, HttpResponse, Transport } from "../http/transport.ts";
import { isNearHost } from "../http/near.ts";
import { type Backoff, isTransientError, isTransientStatus, pause, retryAfter } from "./backoff.ts";
import { readRefusal, refusedError, type RequestName, unreachableError } from "./failure.ts";

export interface SessionRequest {
  readonly method: HttpRequest["method"];
  /** A path below the registry's origin, or a URL that the registry gave. */
  readonly url: string | URL;
  readonly scope: Scope;
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the body: once for each attempt. */
  readonly body?: (() => string | Uint8Array | Readable) | undefined;
  /** The bytes that are moved, which the request gets time for; 0 for a short request. */
  readonly bytes?: number;
  /** Statuses that are answers; others are errors. */
  readonly expect: readonly number[];
  /** False for a request that must not be sent twice: then its failures are the caller's. True if absent. */
  readonly repeat?: boolean;
  readonly signal: AbortSignal;
}

export interface SessionOptions {
  readonly origin: URL;
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  readonly backoff: Backoff;
  readonly emit: Emit;
}

/** The time for a short request, in milliseconds; bytes that are moved get more, at 32 KiB a second. */
const shortRequest = 120_000;
const slowestRate = 32;
const maxRedirects = 5;

/** Sends requests to one registry: with authorization, redirects, deadlines, and attempts after failures that may pass. */
export class Session {
  readonly origin: URL;
  readonly emit: Emit;
  readonly backoff: Backoff;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;

  constructor({ origin, transport, authorizer, backoff, emit }: SessionOptions) {
    this.origin = origin;
    this.emit = emit;
    this.backoff = backoff;
    this.#transport = transport;
    this.#authorizer = authorizer;
  }

  /**
   * Resolves with a response that has one of the expected statuses; its body must be read or destroyed.
   *
   * @throws ObError `REGISTRY`, the signal's reason.
   */
  async send(request: SessionRequest): Promise<HttpResponse> {
    const { signal } = request;
    const attempts = request.repeat === false ? 1 : this.backoff.attempts;
    for (let failures = 1; ; failures++) {
      const { response, error } = await this.#attempt(request);
      const isLast = failures >= attempts;
      if (response && request.expect.includes(response.status)) return response;
      if (error !== undefined && (isLast || !isTransientError(error))) throw this.#explain(request, error);
      if (response && (isLast || !isTransientStatus(response.status))) {
        throw refusedError(this.name(request), await readRefusal(response));
      }
      const asked = retryAfter(response?.header("retry-after"));
      if (response) await discard(response.body);
      this.#note(request, response ? `status ${response.status}` : String(error));
      await pause(failures, { backoff: this.backoff, asked, signal }).catch(() => {
        throw abortReason(signal);
      });
    }
  }

  /** The request as messages name it. */
  name({ method, url }: Pick<SessionRequest, "method" | "url">): RequestName {
    const { host, pathname } = new URL(url, this.origin);
    return { method, registry: host, path: pathname };
  }

  #explain(request: SessionRequest, error: unknown): unknown {
    if (request.signal.aborted) return abortReason(request.signal);
    return isObError(error) ? error : unreachableError(this.name(request), error);
  }

  #note(request: SessionRequest, why: string): void {
    const { registry, method, path } = this.name(request);
    this.emit({ type: "log", level: "debug", text: `${registry}: ${method} ${path} is repeated: ${why}` });
  }

  async #attempt(request: SessionRequest): Promise<{ response?: HttpResponse; error?: unknown }> {
    const timeoutMs = shortRequest + (request.bytes ?? 0) / slowestRate;
    const late = (): Error =>
      registryError(`${this.origin.host} took longer than ${timeoutMs / 1000} s.`, {
        data: { registry: this.origin.host, problem: "unreachable" },
      });
    const limit = deadline(timeoutMs, late);
    const signal = AbortSignal.any([request.signal, limit.signal]);
    try {
      const response = await this.#authorized(request, signal);
      // The deadline holds until the body has been read.
      response.body.once("close", () => limit[Symbol.dispose]());
      return { response };
    } catch (error) {
      limit[Symbol.dispose]();
      if (request.signal.aborted) throw abortReason(request.signal);
      return { error: limit.signal.aborted ? limit.signal.reason : error };
    }
  }

  /** One attempt; a second one if the registry wants to know who asks. */
  async #authorized(request: SessionRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { scope } = request;
    const known = this.#authorizer.known(scope);
    const { response, isOwn } = await this.#follow(request, { authorization: known, signal });
    // Where the registry only sends its clients to does not learn their credentials, or a token, by asking.
    if (response.status !== 401 || !isOwn) return response;
    const challenges = response.headers("www-authenticate");
    const answer = this.#authorizer.answer(challenges, { scope, refused: known });
    const authorization = await abortable(answer, signal);
    if (authorization === undefined) return response;
    await discard(response.body);
    return (await this.#follow(request, { authorization, signal })).response;
  }

  /** Follows redirects of GET and HEAD. Authorization goes to the registry's own origin only; `isOwn` says if that has answered. */
  async #follow(
    request: SessionRequest,
    { authorization, signal }: { readonly authorization: string | undefined; readonly signal: AbortSignal },
  ): Promise<{ readonly response: HttpResponse; readonly isOwn: boolean }> {
    const { method, headers, body } = request;
    let url = this.checkTarget(new URL(request.url, this.origin));
    for (let redirects = 0; ; redirects++) {
      const isOwn = url.origin === this.origin.origin;
      const response = await this.#transport.send({
        method,
        url,
        headers: { ...headers, ...(isOwn && authorization !== undefined && { authorization }) },
        ...(body && { body: body() }),
        signal,
      });
      const location = response.header("location");
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined;
      if (!isRedirect || (method !== "GET" && method !== "HEAD")) return { response, isOwn };
      await discard(response.body);
      if (redirects >= maxRedirects) throw registryError(`${this.origin.host} redirects without an end.`);
      const next = URL.parse(location, url.href);
      if (!next) throw registryError(`${this.origin.host} redirects to what is not a URL.`);
      url = this.checkTarget(next);
    }
  }

  /**
   * What a registry may send its clients to: no plain http from https, and nothing on the client's own machine.
   *
   * @throws ObError `REGISTRY`
   */
  checkTarget(url: URL): URL {
    if (url.origin === this.origin.origin && url.username === "") return url;
    const refuse = (why: string): Error =>
      registryError(`${this.origin.host} sends its clients to ${url.host}, which is not followed: ${why}.`);
    if (url.username !== "" || url.password !== "") throw refuse("the address has a user in it");
    if (url.protocol !== "https:" && !(url.protocol === "http:" && this.origin.protocol === "http:")) {
      throw refuse("it is not reached by https");
    }
    if (isNearHost(url.hostname) && !isNearHost(this.origin.hostname)) throw refuse("it is on this machine");
    return url;
  }
}
