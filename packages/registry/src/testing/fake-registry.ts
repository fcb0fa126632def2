import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { sha256 } from "@ob/core";

/** A request as it came. */
export interface SeenRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

/** Answers a request in place of the registry. @returns true if it did. */
export type Intercept = (
  request: SeenRequest,
  response: ServerResponse,
  body: Buffer,
) => boolean | Promise<boolean>;

export interface FakeRegistryOptions {
  /** The first word on each request, to misbehave. */
  intercept?: Intercept | undefined;
  /** Sent as `OCI-Chunk-Min-Length`. */
  minChunk?: number | undefined;
}

/** A registry in memory, on the loopback, that can be made to misbehave. */
export class FakeRegistry implements AsyncDisposable {
  readonly options: FakeRegistryOptions;
  /** By `REPOSITORY@DIGEST`. */
  readonly blobs = new Map<string, Buffer>();
  /** By `REPOSITORY:TAG` and `REPOSITORY@DIGEST`. */
  readonly manifests = new Map<string, { readonly bytes: Buffer; readonly mediaType: string }>();
  readonly uploads = new Map<string, Buffer>();
  readonly requests: SeenRequest[] = [];
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  private constructor(options: FakeRegistryOptions) {
    this.options = options;
  }

  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const registry = new FakeRegistry(options);
    registry.#server.listen(0, "127.0.0.1");
    await once(registry.#server, "listening");
    return registry;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }

  /** The requests so far as `METHOD path`, without what is different each time. */
  get log(): readonly string[] {
    return this.requests.map(({ method, url }) => `${method} ${url.replace(/[0-9a-f-]{36}/, "UPLOAD")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = incoming;
    const request = { method, url, headers };
    this.requests.push(request);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    } catch {
      // The client went away.
      return;
    }
    const body = Buffer.concat(chunks);
    if (await this.options.intercept?.(request, response, body)) return;
    this.#answer(request, response, body);
  }

  #answer(request: SeenRequest, response: ServerResponse, body: Buffer): void {
    const url = new URL(request.url, "http://registry");
    if (url.pathname === "/v2/") return send(response, 200);
    const found = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags)\/(.*)$/.exec(url.pathname);
    const [, repository = "", kind = "", name = ""] = found ?? [];
    const exchange = { request, response, body, url, repository, name };
    if (kind === "manifests") this.#manifest(exchange);
    else if (kind === "blobs/uploads") this.#upload(exchange);
    else if (kind === "blobs") this.#blob(exchange);
    else if (kind === "tags") this.#tags(exchange);
    else send(response, 404);
  }

  #manifest({ request, response, body, repository, name }: Exchange): void {
    const key = keyOf(repository, name);
    if (request.method === "PUT") {
      const mediaType = request.headers["content-type"] ?? "";
      const digest = `sha256:${sha256(body)}`;
      for (const each of [key, keyOf(repository, digest)])
        this.manifests.set(each, { bytes: body, mediaType });
      return send(response, 201, { headers: { "docker-content-digest": digest } });
    }
    const manifest = this.manifests.get(key);
    if (!manifest) return sendError(response, 404, "MANIFEST_UNKNOWN");
    const digest = `sha256:${sha256(manifest.bytes)}`;
    if (request.method === "DELETE") {
      for (const [each, { bytes }] of this.manifests)
        if (bytes.equals(manifest.bytes)) this.manifests.delete(each);
      return send(response, 202);
    }
    const headers = { "content-type": manifest.mediaType, "docker-content-digest": digest };
    send(response, 200, { headers, body: request.method === "HEAD" ? undefined : manifest.bytes });
  }

  #blob({ request, response, repository, name }: Exchange): void {
    const blob = this.blobs.get(keyOf(repository, name));
    if (!blob) return sendError(response, 404, "BLOB_UNKNOWN");
    if (request.method === "HEAD")
      return send(response, 200, { headers: { "content-length": String(blob.length) } });
    const [, from, to = blob.length - 1] = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? "") ?? [];
    if (from === undefined) return send(response, 200, { body: blob });
    const range = `bytes ${from}-${to}/${blob.length}`;
    const body = blob.subarray(Number(from), Number(to) + 1);
    send(response, 206, { headers: { "content-range": range }, body });
  }

  #upload({ request, response, body, url, repository, name }: Exchange): void {
    const mounted = this.blobs.get(
      keyOf(url.searchParams.get("from") ?? "", url.searchParams.get("mount") ?? ""),
    );
    if (request.method === "POST" && mounted) {
      this.blobs.set(keyOf(repository, url.searchParams.get("mount") ?? ""), mounted);
      return send(response, 201);
    }
    const id = request.method === "POST" ? randomUUID() : name;
    if (request.method === "POST") this.uploads.set(id, Buffer.alloc(0));
    const before = this.uploads.get(id);
    if (!before) return sendError(response, 404, "BLOB_UPLOAD_UNKNOWN");
    const start = /^(\d+)-/.exec(request.headers["content-range"] ?? "")?.[1];
    if (start !== undefined && Number(start) !== before.length)
      return send(response, 416, { headers: this.#place(repository, id) });
    const bytes = Buffer.concat([before, body]);
    this.uploads.set(id, bytes);
    if (request.method !== "PUT") {
      return send(response, request.method === "GET" ? 204 : 202, { headers: this.#place(repository, id) });
    }
    const digest = url.searchParams.get("digest") ?? "";
    if (digest !== `sha256:${sha256(bytes)}`) return sendError(response, 400, "DIGEST_INVALID");
    this.uploads.delete(id);
    this.blobs.set(keyOf(repository, digest), bytes);
    send(response, 201);
  }

  #place(repository: string, id: string): Record<string, string> {
    const { minChunk } = this.options;
    const length = this.uploads.get(id)?.length ?? 0;
    return {
      location: `/v2/${repository}/blobs/uploads/${id}?_state=secret-state`,
      range: `0-${Math.max(0, length - 1)}`,
      ...(minChunk !== undefined && { "oci-chunk-min-length": String(minChunk) }),
    };
  }

  #tags({ response, repository }: Exchange): void {
    const prefix = `${repository}:`;
    const tags = [...this.manifests.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
    if (tags.length === 0) return sendError(response, 404, "NAME_UNKNOWN");
    send(response, 200, { body: JSON.stringify({ name: repository, tags: tags.toSorted() }) });
  }
}

interface Exchange {
  readonly request: SeenRequest;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly url: URL;
  readonly repository: string;
  /** What follows the kind in the path. */
  readonly name: string;
}

function keyOf(repository: string, reference: string): string {
  return reference.startsWith("sha256:") ? `${repository}@${reference}` : `${repository}:${reference}`;
}

/** Ends a response. */
export function send(response: ServerResponse, status: number, { headers = {}, body }: Answer = {}): void {
  response.writeHead(status, headers).end(body);
}

interface Answer {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
}

/** Ends a response with an error in the form of the distribution specification. */
export function sendError(response: ServerResponse, status: number, code: string): void {
  send(response, status, { body: JSON.stringify({ errors: [{ code, message: "of the fake registry" }] }) });
}
