import { tmpdir } from "node:os";
import { checkArgument, checkOptions, type Emit, type LayerId, noopEmit } from "@ob/core";
import {
  findLayer,
  pullLayer,
  type PullLayerRequest,
  pushLayer,
  type PushedLayer,
  type PushLayerRequest,
} from "./artefact/layer-transfer.ts";
import { type ArtefactInfo, findAny, pushArtefact, type PushArtefactRequest } from "./artefact/any.ts";
import {
  type ContextInfo,
  findContext,
  pullContext,
  pushContext,
  type PushContextRequest,
} from "./artefact/context.ts";
import type { ImageInfo } from "./artefact/image.ts";
import { findImage } from "./artefact/find-image.ts";
import type { Choice } from "./artefact/image-index.ts";
import {
  type PulledImage,
  pullImage,
  type PullImageRequest,
  type PushedImage,
  pushImage,
  type PushImageRequest,
} from "./artefact/image-transfer.ts";
import type { LayerInfo } from "./artefact/layer.ts";
import type { Credentials, CredentialSource } from "./auth/credentials.ts";
import { dockerCredentials } from "./auth/docker-config.ts";
import { pullBlob } from "./blobs/pull.ts";
import { type OnProgress, Repository } from "./blobs/repository.ts";
import { defaultBackoff } from "./client/backoff.ts";
import { connect } from "./client/connect.ts";
import { listTags, ping } from "./client/content.ts";
import { removeTagged } from "./artefact/remove.ts";
import { registryError } from "./errors.ts";
import { type Content, digest } from "./reference/digest.ts";
import { isLoopback, parseReference, type Reference } from "./reference/reference.ts";

export interface OpenRegistryOptions {
  /** The repository, without a tag: `reg.example:5000/path/name`. */
  readonly ref: string;
  /** Credentials, or what finds them; `dockerCredentials()` if absent. Nobody is asked before the registry wants some. */
  readonly credentials?: Credentials | CredentialSource | undefined;
  /**
   * True for plain http, false for https. If absent: https, and http only for this machine's loopback without `ca`.
   */
  readonly insecure?: boolean | undefined;
  /** Certificates of authorities in PEM, trusted instead of the system's. */
  readonly ca?: string | undefined;
  readonly emit?: Emit | undefined;
  /** Called as bytes move, for each blob. */
  readonly onProgress?: OnProgress | undefined;
  /** The most bytes of one request of an upload; 16 MiB if absent, 4 MiB for ghcr.io. */
  readonly chunkBytes?: number | undefined;
  /** An existing directory for files on their way; the system's if absent. Compressed disks have to fit in. */
  readonly temporaryDirectory?: string | undefined;
  /** How often a request is sent that fails for a reason that may pass; 5 if absent. */
  readonly attempts?: number | undefined;
  /** The pause before the second attempt in milliseconds; 250 if absent. Each further one is twice as long. */
  readonly pauseMs?: number | undefined;
  /** How long a registry may be silent, in milliseconds; one minute if absent. */
  readonly idleMs?: number | undefined;
}

/** What calls take besides. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Which image is wanted of a tag that stands for several. */
export interface FindImageOptions extends CallOptions, Choice {}

/**
 * A repository in a registry. All calls may run at the same time. They throw `ObError`s: `REGISTRY`, `NO_SPACE`, `STORE` for
 * files that cannot be read or written, the signal's reason.
 */
export interface Registry extends AsyncDisposable {
  readonly reference: Reference;
  /** Rejects if the registry does not answer, or refuses our credentials. */
  ping(options?: CallOptions): Promise<void>;
  /** All tags; for layers these are their ids. */
  listTags(options?: CallOptions): Promise<readonly string[]>;

  /**
   * The layer of an id; undefined if there is none.
   *
   * @throws ObError `REGISTRY`, with `data.problem` `malformed` if what is there is not that layer.
   */
  findLayer(id: LayerId, options?: CallOptions): Promise<LayerInfo | undefined>;
  /** Pushes a layer; of its disks only those that the registry lacks. A malformed manifest of its id is replaced. */
  pushLayer(request: PushLayerRequest): Promise<PushedLayer>;
  /** Pulls disks and log of a layer into files. False if the registry no longer has all of them. */
  pullLayer(layer: LayerInfo, request: PullLayerRequest): Promise<boolean>;
  /** Removes a layer's manifest; its blobs go when the registry collects garbage. False if there is none. */
  removeLayer(id: LayerId, options?: CallOptions): Promise<boolean>;

  /**
   * The base image of a tag or digest; undefined if there is none. Where one stands for several, `REGISTRY` with
   * `data.architectures` says that the options choose none of them.
   */
  findImage(reference: string, options?: FindImageOptions): Promise<ImageInfo | undefined>;
  /** Pushes a base image with the files that its image manifest names. */
  pushImage(request: PushImageRequest): Promise<PushedImage>;
  /** Pulls a base image into files. Undefined if the registry no longer has all of it. */
  pullImage(image: ImageInfo, request: PullImageRequest): Promise<PulledImage | undefined>;

  /** The build context of a tag or digest; undefined if there is none. */
  findContext(reference: string, options?: CallOptions): Promise<ContextInfo | undefined>;
  /** Pushes a build context, a tar archive. */
  pushContext(request: PushContextRequest): Promise<ContextInfo>;
  /** Pulls the archive of a build context into a file. False if the registry no longer has it. */
  pullContext(context: ContextInfo, to: string, options?: CallOptions): Promise<boolean>;

  /** An artefact of any kind; undefined if there is none. `pullBlob` pulls its blobs. */
  findArtefact(reference: string, options?: CallOptions): Promise<ArtefactInfo | undefined>;
  /** Pushes files as an artefact of any kind. */
  pushArtefact(request: PushArtefactRequest): Promise<ArtefactInfo>;

  /** True if the registry has the blob. */
  hasBlob(content: Content, options?: CallOptions): Promise<boolean>;
  /**
   * Pulls a blob as it is into a file, which appears when it has been verified. With `keepPartial`, what came before a failure
   * stays in `TO.partial`, and the next call goes on from there. False if the registry does not have the blob.
   */
  pullBlob(
    content: Content,
    to: string,
    options?: CallOptions & { readonly keepPartial?: boolean },
  ): Promise<boolean>;
}

/**
 * Opens a repository. No request is sent before the first call.
 *
 *     await using registry = openRegistry({ ref: "reg.example/ob" });
 *     const layer = await registry.findLayer(id);
 *
 * @throws ObError `REGISTRY` if the reference is wrong.
 */
export function openRegistry(options: OpenRegistryOptions): Registry {
  checkOptions("openRegistry", options, {
    ref: "string",
    insecure: "boolean?",
    ca: "string?",
    emit: "function?",
    onProgress: "function?",
    chunkBytes: "number?",
    temporaryDirectory: "string?",
    attempts: "number?",
    pauseMs: "number?",
    idleMs: "number?",
  });
  const reference = parseReference(options.ref);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw registryError(`${options.ref} has a tag or a digest: a repository is wanted.`);
  }
  const { session, transport } = connect({
    origin: originOf(reference, options),
    registry: reference.registry,
    repository: reference.repository,
    credentials: sourceOf(options.credentials),
    ca: options.ca,
    idleMs: options.idleMs ?? 60_000,
    backoff: {
      attempts: options.attempts ?? defaultBackoff.attempts,
      pauseMs: options.pauseMs ?? defaultBackoff.pauseMs,
    },
    emit: options.emit ?? noopEmit,
  });
  const repository = new Repository({
    session,
    name: reference.repository,
    chunkBytes: options.chunkBytes ?? defaultChunk(reference.registry),
    temporaryDirectory: options.temporaryDirectory ?? tmpdir(),
    onProgress: options.onProgress ?? (() => undefined),
  });
  return { reference, ...callsOf(repository), [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose]() };
}

function callsOf(repository: Repository): Omit<Registry, "reference" | keyof AsyncDisposable> {
  const access = (signal: AbortSignal | undefined) => repository.access(signal ?? never());
  return {
    ping: async ({ signal } = {}) => await ping(access(signal)),
    listTags: async ({ signal } = {}) => await listTags(access(signal)),
    findLayer: async (id, { signal = never() } = {}) => await findLayer(repository, id, signal),
    pushLayer: async (request) => await pushLayer(repository, request, request.signal ?? never()),
    pullLayer: async (layer, request) =>
      await pullLayer(repository, layer, { ...request, signal: request.signal ?? never() }),
    removeLayer: async (id, { signal = never() } = {}) => await removeTagged(repository, id, signal),
    findImage: async (name, { signal = never(), ...choice } = {}) =>
      await findImage(repository, name, { signal, ...choice }),
    pushImage: async (request) => await pushImage(repository, request, request.signal ?? never()),
    pullImage: async (image, request) =>
      await pullImage(repository, image, { ...request, signal: request.signal ?? never() }),
    findContext: async (name, { signal = never() } = {}) => await findContext(repository, name, signal),
    pushContext: async (request) => await pushContext(repository, request, request.signal ?? never()),
    pullContext: async (context, to, { signal = never() } = {}) =>
      await pullContext(repository, context, { to, signal }),
    findArtefact: async (name, { signal = never() } = {}) => await findAny(repository, name, signal),
    pushArtefact: async (request) => await pushArtefact(repository, request, request.signal ?? never()),
    hasBlob: async (content, { signal = never() } = {}) =>
      await repository.hasBlob(checkContent(content), signal),
    pullBlob: async (content, to, { signal = never(), keepPartial } = {}) =>
      await pullBlob(repository, checkContent(content), { to, signal, keepPartial }),
  };
}

/** Callers from JavaScript have no compiler, and a digest becomes part of a path. */
function checkContent({ digest: text, size }: Content): Content {
  checkArgument("Registry: size", size, "number");
  return { digest: digest(text), size };
}

/** A signal that does not fire. */
function never(): AbortSignal {
  return new AbortController().signal;
}

function originOf({ registry }: Reference, { insecure, ca }: OpenRegistryOptions): URL {
  const isPlain = insecure ?? (isLoopback(registry) && ca === undefined);
  // Docker's own registry has another address than its name.
  const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
  return new URL(`${isPlain ? "http" : "https"}://${host}/`);
}

function sourceOf(credentials: OpenRegistryOptions["credentials"]): CredentialSource {
  if (credentials === undefined) return dockerCredentials();
  return typeof credentials === "function" ? credentials : async () => credentials;
}

function defaultChunk(registry: string): number {
  return registry === "ghcr.io" ? 4 << 20 : 16 << 20;
}
