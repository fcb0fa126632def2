import { type Emit, errorMessage, isObError, type LayerId, ObError, type Store } from "@ob/core";
import { pushStoredLayer, type StoredPush, type TargetRegistry } from "./push-layer.ts";

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
      const outcome = said(await pushStoredLayer(id, this.#options));
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

/** What was done, in words. */
function said(push: StoredPush | undefined): string {
  switch (push?.outcome) {
    case undefined:
      return "it cannot be shared";
    case "different":
      return "the registry has one of another run, which stays";
    case "pushed":
      return "pushed";
    case "present":
      return "the registry has it";
  }
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
