import { type Emit, errorMessage, isObError, type LayerId, ObError, type Store } from "@ob/core";
import { type DiskFile, digest, type LayerInfo, type Registry } from "@ob/registry";
import { isOfRegistry } from "./source.ts";

/** What is needed of a registry to push layers to it. */
export type TargetRegistry = Pick<Registry, "reference" | "findLayer" | "pushLayer" | "hasBlob">;

export interface LayerPusherOptions {
  readonly store: Store;
  readonly registry: TargetRegistry;
  readonly emit: Emit;
  /** Fires when nothing more is to be pushed. */
  readonly signal: AbortSignal;
}

/** After so many failures nothing more is pushed. */
const maxFailures = 2;

/**
 * Pushes layers in the background, one after the other: a layer's parent before it, so that of its chain only its own disk is to
 * be sent. A failure is a warning.
 */
export class LayerPusher {
  readonly #options: LayerPusherOptions;
  readonly #added = new Set<LayerId>();
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  readonly #failures: unknown[] = [];

  constructor(options: LayerPusherOptions) {
    this.#options = options;
  }

  /** How many layers are still to be pushed. */
  get waiting(): number {
    return this.#waiting;
  }

  /** What has failed. */
  get failures(): readonly unknown[] {
    return this.#failures;
  }

  /** Adds a layer of the store, once. */
  add(id: LayerId): void {
    if (this.#added.has(id)) return;
    this.#added.add(id);
    this.#waiting++;
    this.#last = this.#last.then(() => this.#push(id)).finally(() => void this.#waiting--);
  }

  /** Resolves when all that was added is pushed, has failed, or was given up. */
  async finish(): Promise<void> {
    await this.#last;
  }

  async #push(id: LayerId): Promise<void> {
    const { store, signal, emit, registry } = this.#options;
    if (signal.aborted || this.#failures.length >= maxFailures) return;
    try {
      // It is in a registry only, so far.
      if (!(await store.find(id))) {
        this.#added.delete(id);
        return;
      }
      const outcome = await pushLayer(id, this.#options);
      emit({ type: "log", level: "info", text: `Layer ${id}: ${outcome}.` });
    } catch (error) {
      if (signal.aborted) return;
      this.#failures.push(error);
      const { reference } = registry;
      const text = `Cannot push layer ${id} to ${reference.registry}/${reference.repository}: ${errorMessage(error)}`;
      emit({ type: "log", level: "warning", text });
    }
  }
}

/** @returns what was done, in words. */
async function pushLayer(id: LayerId, { store, registry, signal }: LayerPusherOptions): Promise<string> {
  const call = { signal };
  const existing = await registry.findLayer(id, call);
  if (existing && (await isSame(store, existing)) && (await isComplete(registry, existing, signal))) {
    return "the registry has it";
  }
  await using held = await store.holdLayer(id, signal);
  const [, ...overlays] = held?.chain ?? [];
  if (!held || overlays.length === 0) return "it cannot be shared";
  const chain = held.chain.map((disk) => ({
    id: disk.layer,
    file: disk.disk,
    content: { digest: digest(`sha256:${disk.digest}`), size: disk.size },
  }));
  // Where another version is not complete any more, nobody can use it.
  const overwrite = existing !== undefined && !(await isComplete(registry, existing, signal));
  const request = { id, log: held.log, overwrite, signal };
  const onPublished = await publishedChain(chain, { store, registry, signal });
  if (onPublished) {
    try {
      return said(await registry.pushLayer({ ...request, chain: onPublished }));
    } catch (error) {
      // The registry has lost a disk that it had: then all are pushed, as they are here.
      if (signal.aborted || !isObError(error, "STORE", "REGISTRY") || isOfRegistry(error)) throw error;
    }
  }
  return said(await registry.pushLayer({ ...request, chain }));
}

function said({ outcome }: { readonly outcome: "pushed" | "present" | "different" }): string {
  if (outcome === "different") return "the registry has one of another run, which stays";
  return outcome === "pushed" ? "pushed" : "the registry has it";
}

/**
 * The layer's disk on the chain of the layer below as the registry has it, if its disks are those of this store, with other files
 * where they were flattened since. Only so do those who have taken that chain find this layer on it.
 */
async function publishedChain(
  chain: readonly DiskFile[],
  { store, registry, signal }: Pick<LayerPusherOptions, "store" | "registry" | "signal">,
): Promise<readonly DiskFile[] | undefined> {
  const [below, own] = chain.slice(-2);
  if (!below || !own) return undefined;
  const published = await registry.findLayer(below.id, { signal });
  if (!published || published.chain.length < 2) return undefined;
  for (const disk of published.chain) {
    const here = await store.layerDigests(disk.id, signal);
    // A layer that was merged into one above need not be here; the disks above it are compared.
    if (here.length > 0 && !here.includes(disk.content.digest.slice("sha256:".length))) return undefined;
  }
  const top = published.chain.at(-1);
  if (!top || !(await hasDigest(store, below.id, top.content.digest))) return undefined;
  const files = new Map(chain.map((disk) => [String(disk.content?.digest), disk.file]));
  const disks = published.chain.map(({ id, content }) => ({
    ...{ id, content },
    file: files.get(content.digest) ?? "/dev/null/no-such-file",
  }));
  return [...disks, own];
}

async function isSame(store: Store, { id, chain }: LayerInfo): Promise<boolean> {
  return await hasDigest(store, id, chain.at(-1)?.content.digest ?? "");
}

async function hasDigest(store: Store, id: LayerId, wanted: string): Promise<boolean> {
  return (await store.layerDigests(id)).some((each) => `sha256:${each}` === wanted);
}

/** True if the registry has all that a layer consists of. */
async function isComplete(
  registry: TargetRegistry,
  { chain, log }: LayerInfo,
  signal: AbortSignal,
): Promise<boolean> {
  for (const { blob } of [...chain, ...(log ? [log] : [])]) {
    const { digest: of, size } = blob;
    if (!(await registry.hasBlob({ digest: digest(of), size }, { signal }))) return false;
  }
  return true;
}

/** The error of a command whose layers could not all be pushed. */
export function notPushed(failures: readonly unknown[], { reference }: TargetRegistry): ObError {
  const [first] = failures;
  const to = `${reference.registry}/${reference.repository}`;
  return new ObError("REGISTRY", `Not all layers were pushed to ${to}: ${errorMessage(first)}`, {
    cause: first,
    hint: isObError(first) ? first.hint : undefined,
    data: { pushed: "no" },
  });
}
