import { type Emit, errorMessage, isObError, type LayerId, type ObError } from "@ob/core";
import type { Content, LayerInfo, Registry } from "@ob/registry";

/** What is needed of a registry to take layers from it. */
export type SourceRegistry = Pick<Registry, "reference" | "findLayer" | "pullLayer">;

/** A layer that a registry has. */
export interface Published {
  readonly layer: LayerInfo;
  readonly registry: SourceRegistry;
}

/** How long a look-up may take by default, in milliseconds. */
const defaultLookupMs = 10_000;

/** Registries to take layers from, in the order in which they are asked. What they say is remembered. */
export class LayerSource {
  readonly #emit: Emit;
  readonly #found = new Map<LayerId, Promise<Published | undefined>>();
  #registries: readonly SourceRegistry[];

  readonly #lookupMs: number;

  constructor(
    registries: readonly SourceRegistry[],
    { emit, lookupMs = defaultLookupMs }: { readonly emit: Emit; readonly lookupMs?: number },
  ) {
    this.#registries = registries;
    this.#emit = emit;
    this.#lookupMs = lookupMs;
  }

  /** The layer in the first registry that has it. Never rejects: a registry that fails is not asked again. */
  async find(id: LayerId, signal?: AbortSignal): Promise<Published | undefined> {
    const known = this.#found.get(id);
    if (known) return await known;
    const found = this.#ask(id, signal);
    this.#found.set(id, found);
    return await found;
  }

  async #ask(id: LayerId, signal: AbortSignal | undefined): Promise<Published | undefined> {
    for (const registry of this.#registries) {
      try {
        const deadline = AbortSignal.timeout(this.#lookupMs);
        const layer = await registry.findLayer(id, {
          signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
        });
        if (layer) return { layer, registry };
      } catch (error) {
        if (signal?.aborted) return undefined;
        this.#giveUp(registry, error);
      }
    }
    return undefined;
  }

  /** What is wrong with one layer leaves the registry's others usable. */
  #giveUp(registry: SourceRegistry, error: unknown): void {
    const isOfLayer = isObError(error) && !isOfRegistry(error);
    if (!isOfLayer) this.#registries = this.#registries.filter((each) => each !== registry);
    const why = isObError(error) ? errorMessage(error) : "it does not answer in time.";
    const { reference } = registry;
    const consequence = isOfLayer ? "" : " Its layers are built here.";
    const text = `Cannot take layers from ${reference.registry}/${reference.repository}: ${why}${consequence}`;
    this.#emit({ type: "log", level: "warning", text });
  }
}

/** True if no other request would succeed either. */
export function isOfRegistry({ data = {} }: ObError): boolean {
  return (
    data["problem"] === "unauthorized" || data["problem"] === "unreachable" || data["status"] !== undefined
  );
}

/** True if the error is of what the registry has, whoever asks for it: other bytes than announced, or a disk that is refused. */
export function isCorrupt(error: unknown): boolean {
  return isObError(error) && error.data?.["problem"] === "corrupt";
}

/**
 * The layer of an id; undefined also, with a warning, if what the registry has under the id is not that layer: others make it
 * anew. Errors of the registry itself are thrown.
 */
export async function findUsableLayer(
  registry: Pick<Registry, "findLayer">,
  id: LayerId,
  { emit, signal }: { readonly emit: Emit; readonly signal?: AbortSignal | undefined },
): Promise<LayerInfo | undefined> {
  try {
    return await registry.findLayer(id, { signal });
  } catch (error) {
    if (!isObError(error, "REGISTRY") || error.data?.["problem"] !== "malformed") throw error;
    const text = `A layer of the registry cannot be used, and counts as missing: ${errorMessage(error)}`;
    emit({ type: "log", level: "warning", text });
    return undefined;
  }
}

/** True if the registry has the blob, whole. */
export async function hasWhole(
  registry: Pick<Registry, "hasBlob">,
  content: Content,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    return await registry.hasBlob(content, { signal });
  } catch (error) {
    if (isCorrupt(error)) return false;
    throw error;
  }
}
