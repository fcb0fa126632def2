import type { LayerId } from "@ob/core";
import type { LayerStates } from "../redis/layer-states.ts";
import { timing } from "../timing.ts";

interface HeldClaim {
  readonly id: LayerId;
  readonly owner: string;
  readonly onLost: () => void;
}

/**
 * Renews the claims of a worker. The timers are those of the main thread: an event loop that is busy for up to
 * `timing.claim - timing.renew` loses nothing, and what has expired is taken again unless another worker was faster. That
 * is always safe, because what is made under a lost claim is refused.
 */
export class ClaimKeeper implements AsyncDisposable {
  readonly #states: LayerStates;
  readonly #claims = new Set<HeldClaim>();
  readonly #timer: NodeJS.Timeout;
  #renewing = false;

  constructor(states: LayerStates) {
    this.#states = states;
    this.#timer = setInterval(() => void this.#renew(), timing.renew);
  }

  /** Keeps a claim until it is disposed of. `onLost` is called if another worker has it. */
  keep(claim: HeldClaim): Disposable {
    this.#claims.add(claim);
    return { [Symbol.dispose]: () => void this.#claims.delete(claim) };
  }

  /** Stops renewing. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#claims.clear();
  }

  async #renew(): Promise<void> {
    // While Redis is away the command waits for it: one is enough.
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      for (const claim of await this.#states.renew([...this.#claims])) {
        if (this.#claims.delete(claim)) claim.onLost();
      }
    } catch {
      // The next turn tries again; a claim that is lost meanwhile is refused when it is used.
    } finally {
      this.#renewing = false;
    }
  }
}
