import { cancelledError, type LayerId, type ObError } from "@ob/core";
import { type LogEnd } from "../logs/log-entry.ts";
import { LogWriter } from "../logs/log-writer.ts";
import type { ClaimResult } from "../redis/claim-result.ts";
import type { FailureRecord } from "../redis/messages.ts";
import { lostClaim } from "./cluster-writer.ts";
import type { ClusterPorts } from "./ports.ts";

/** What a chain may build, and on what. */
export interface ChainPlan {
  /** The layers to make, in order. */
  readonly chain: readonly LayerId[];
  /** The layers that exist: those before the chain, and those of the builds that it copies from. */
  readonly given: ReadonlySet<LayerId>;
  /** The layer of each base image, by its name. */
  readonly bases: ReadonlyMap<string, LayerId>;
  /** When it was asked for, in milliseconds by the clock of Redis: a step that has failed since is not tried again. */
  readonly since: number;
}

export interface ChainClaimsOptions {
  readonly ports: ClusterPorts;
  readonly plan: ChainPlan;
  readonly owner: string;
  readonly onStop: (error: ObError) => void;
}

interface OpenClaim extends Disposable {
  readonly log: LogWriter;
}

/** The claims of one chain on the layers that it has not made yet: that of the current one, and of the next. */
export class ChainClaims implements AsyncDisposable {
  readonly owner: string;
  readonly #options: ChainClaimsOptions;
  readonly #open = new Map<LayerId, OpenClaim>();
  #isDraining = false;
  #current: LayerId | undefined;

  constructor(options: ChainClaimsOptions) {
    this.#options = options;
    this.owner = options.owner;
  }

  /** The layers that the chain has a claim on and has not made, in its order: the first is the one that it makes now. */
  get open(): readonly LayerId[] {
    return [...this.#open.keys()];
  }

  /**
   * The layer that the chain has begun to make: the builder has asked for it by the id that it computed itself. A claim can be on a
   * layer that is only in the plan, which is the client's.
   */
  get current(): LayerId | undefined {
    return this.#current;
  }

  /** Begins no more layers: the chain is left to others. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Claims a layer. @throws ObError `CANCELLED` if the chain is left to others. */
  async take(id: LayerId): Promise<ClaimResult> {
    if (this.#isDraining) throw cancelledError();
    const result = await this.#claim(id);
    if (result.kind === "claimed" || result.kind === "fatal") this.#current = id;
    return result;
  }

  log(id: LayerId): LogWriter {
    const claim = this.#open.get(id);
    if (!claim) throw lostClaim(id);
    return claim.log;
  }

  /** Says that a layer is made, and claims the next of the chain. @returns false if the claim was lost. */
  async commit(id: LayerId): Promise<boolean> {
    const { plan, ports } = this.#options;
    const claim = this.#open.get(id);
    const index = plan.chain.indexOf(id);
    const next = this.#isDraining || index < 0 ? undefined : plan.chain[index + 1];
    // Before the commit: afterwards the claim can be gone, and with it the right to write.
    await claim?.log.end("made");
    const committed = await ports.states.commit(id, this.owner, { next, since: plan.since });
    this.#forget(id);
    if (next !== undefined && committed?.next?.kind === "claimed") this.#keep(next);
    return committed !== undefined;
  }

  /** Gives a layer up: others may make it. */
  async giveUp(id: LayerId): Promise<void> {
    await this.#end(id, "released");
    await this.#options.ports.states.release(id, this.owner);
  }

  /** Gives up the layer that is being made, which has filled the disk of the worker: only so many may end like that. */
  async giveUpForSpace(): Promise<void> {
    const id = this.#current;
    if (id === undefined) return;
    await this.#end(id, "released");
    await this.#options.ports.states.release(id, this.owner, "counts");
  }

  /** Ends all claims: the one on a layer whose step has failed with its record, the others as given up. */
  async fail(id: LayerId, record: FailureRecord): Promise<void> {
    await this.#end(id, "failed");
    await this.#options.ports.states.fail(id, this.owner, record);
  }

  /** Gives up all that is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.open) await this.giveUp(id);
  }

  async #claim(id: LayerId): Promise<ClaimResult> {
    if (this.#open.has(id)) return { kind: "claimed" };
    const result = await this.#options.ports.states.claim(id, this.owner, this.#options.plan.since);
    if (result.kind === "claimed") this.#keep(id);
    return result;
  }

  #keep(id: LayerId): void {
    const { ports, onStop } = this.#options;
    const { keeper, states, archive } = ports;
    const { owner } = this;
    const kept = keeper.keep({ id, owner, onLost: () => onStop(lostClaim(id)) });
    const log = new LogWriter({ redis: states.redis, id, owner, archive });
    this.#open.set(id, { log, [Symbol.dispose]: () => kept[Symbol.dispose]() });
  }

  #forget(id: LayerId): void {
    this.#open.get(id)?.[Symbol.dispose]();
    this.#open.delete(id);
    if (this.#current === id) this.#current = undefined;
  }

  async #end(id: LayerId, outcome: LogEnd): Promise<void> {
    await this.#open.get(id)?.log.end(outcome);
    this.#forget(id);
  }
}
