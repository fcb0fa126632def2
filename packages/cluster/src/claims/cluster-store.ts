import { randomUUID } from "node:crypto";
import {
  type BaseImage,
  baseLayerId,
  type BaseLayerInfo,
  cancelledError,
  type ExportOptions,
  ForwardingStore,
  type GuestImage,
  type HeldLayer,
  type Layer,
  type LayerId,
  type LayerWriter,
  ObError,
  type ScratchDisk,
  type Store,
  taggedBase,
} from "@ob/core";
import { ChainClaims, type ChainPlan } from "./chain-claims.ts";
import { ClusterWriter } from "./cluster-writer.ts";
import { followElsewhere } from "./follow-elsewhere.ts";
import type { LocalVersions } from "./local-versions.ts";
import type { ClusterPorts } from "./ports.ts";

export interface ClusterStoreOptions {
  readonly ports: ClusterPorts;
  readonly versions: LocalVersions;
  readonly plan: ChainPlan;
  /** Called if the chain must stop: its error says why. */
  readonly onStop: (error: ObError) => void;
}

/**
 * The store of one chain on a worker: the worker's own, where a layer is made by whoever has its claim, and what others have
 * published is there. The layers that a chain is based on are taken as given, and fetched when something is built on
 * them or reads them.
 */
export class ClusterStore extends ForwardingStore {
  /** All workers have the same ids for the same steps. */
  override readonly renewals = undefined;
  readonly claims: ChainClaims;
  readonly #ports: ClusterPorts;
  readonly #versions: LocalVersions;
  readonly #plan: ChainPlan;
  readonly #store: Store;
  /** The layers that a caller has the right to write. */
  readonly #begun = new Set<LayerId>();

  constructor({ ports, versions, plan, onStop }: ClusterStoreOptions) {
    super(ports.store);
    this.#ports = ports;
    this.#versions = versions;
    this.#plan = plan;
    this.#store = ports.store;
    this.claims = new ChainClaims({ ports, plan, owner: `${ports.worker} ${randomUUID()}`, onStop });
  }

  override async baseImage(name: string): Promise<BaseImage> {
    const own = await this.#store.baseImage(name);
    const id = this.#plan.bases.get(name);
    // The plan is the client's: another id would be that of what somebody else builds.
    if (id !== baseLayerId(name) || taggedBase(name) !== undefined) {
      throw unplanned(`the base image ${JSON.stringify(name)}`);
    }
    return { ...own, id, present: this.#plan.given.has(id) || (own.present && own.id === id) };
  }

  override async guestOf(image: BaseImage): Promise<GuestImage | undefined> {
    const known = await this.#store.guestOf(image);
    if (known || !this.#plan.given.has(image.id)) return known;
    await this.#versions.require(image.id);
    return await this.#store.guestOf(image);
  }

  override async find(id: LayerId): Promise<Layer | undefined> {
    if (this.#plan.given.has(id)) return elsewhere(id);
    if (this.#ports.publisher.isPending(id)) return await this.#store.find(id);
    // Nobody publishes what this chain has the claim on; if it is lost the commit is refused.
    if (this.claims.open.includes(id)) return undefined;
    const [state] = await this.#ports.states.states([id]);
    return state?.kind === "published" ? elsewhere(id) : undefined;
  }

  override recordUse(id: LayerId): void {
    if (this.#versions.isLocal(id)) this.#store.recordUse(id);
  }

  override async baseInfo(id: LayerId): Promise<BaseLayerInfo> {
    await this.#versions.require(id);
    return await super.baseInfo(id);
  }

  override async tryBegin(id: LayerId): Promise<LayerWriter | undefined> {
    if (!this.#plan.chain.includes(id)) throw unplanned(`the layer ${id}`);
    // The chain has the claim already, and another caller of it the right to write.
    if (this.#begun.has(id)) return undefined;
    this.#begun.add(id);
    let writer: LayerWriter | undefined;
    try {
      writer = await this.#begin(id);
      return writer;
    } finally {
      if (!writer) this.#begun.delete(id);
    }
  }

  override async *readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const { publisher } = this.#ports;
    // Whoever follows the build reads these logs from where they are.
    if (this.#plan.given.has(id)) return;
    if (publisher.isPending(id)) yield* this.#store.readLog(id, signal);
    else yield* followElsewhere(id, { ports: this.#ports, signal });
  }

  override async createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk> {
    await this.#versions.require(id, signal);
    return await super.createScratchDisk(id, signal);
  }

  override async export(id: LayerId, options: ExportOptions): Promise<void> {
    await this.#versions.require(id, options.signal);
    await super.export(id, options);
  }

  override async holdLayer(id: LayerId, signal?: AbortSignal): Promise<HeldLayer | undefined> {
    await this.#versions.require(id, signal);
    return await super.holdLayer(id, signal);
  }

  override async tag(id: LayerId, names: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#versions.require(id, signal);
    await super.tag(id, names, signal);
  }

  /** Gives up all claims that are left. The worker's store stays open. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.claims[Symbol.asyncDispose]();
  }

  async #begin(id: LayerId): Promise<LayerWriter | undefined> {
    const { publisher } = this.#ports;
    const result = await this.claims.take(id);
    switch (result.kind) {
      case "published":
      case "held":
        return undefined;
      case "unwanted":
      case "failed":
        throw cancelledError();
      case "fatal":
        throw fatalStep(id, result.workers);
      case "claimed":
        break;
    }
    const parent = await this.#ownParent(id);
    const local = await this.#store.tryBegin(id);
    if (!local) {
      // Another program uses the worker's store.
      await this.claims.giveUp(id);
      return undefined;
    }
    if (!(await this.#store.find(id))) return this.#writer(local);
    // From before: shared as if it had been made now.
    await local[Symbol.asyncDispose]();
    if (await this.claims.commit(id)) publisher.add({ id, owner: this.claims.owner, parent });
    return undefined;
  }

  /**
   * What a layer that is in the store already is based on. If that is another version than the cluster's, it is replaced,
   * and the layer is gone.
   */
  async #ownParent(id: LayerId): Promise<LayerId | undefined> {
    if (!(await this.#store.find(id))) return undefined;
    const parent = [...this.#store.list()].find((record) => record.id === id)?.parent;
    if (parent !== undefined) await this.#versions.require(parent);
    return parent;
  }

  #writer(local: LayerWriter): LayerWriter {
    const { publisher } = this.#ports;
    const { claims } = this;
    const { id } = local;
    return new ClusterWriter({
      local,
      log: claims.log(id),
      fetch: async (parent, signal) => await this.#versions.require(parent, signal),
      announce: async (parent) => {
        if (!(await claims.commit(id))) return false;
        publisher.add({ id, owner: claims.owner, parent });
        return true;
      },
      onClose: () => void this.#begun.delete(id),
      drop: async (dropped) => void (await this.#store.delete(dropped).catch(() => undefined)),
    });
  }
}

/** A layer that is published. Its files may not be here: what needs them calls for them by the id. */
function elsewhere(id: LayerId): Layer {
  return { id, directory: "", disk: "" };
}

function unplanned(what: string): ObError {
  return new ObError("STORE", `The build on this worker needs ${what}, which its plan does not have.`, {
    hint: "The worker sees other files than the client had when it planned the build, or has another version of OBuilder.",
  });
}

function fatalStep(id: LayerId, workers: string): ObError {
  return new ObError(
    "GUEST_LOST",
    `The step ${id} is not tried again: these workers died of it, or had no space left: ${workers}.`,
    {
      hint: "Look in the logs of these hosts for what ended the processes, for example a lack of memory or of space.",
    },
  );
}
