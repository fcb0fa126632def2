import { randomBytes } from "node:crypto";
import { type Emit, didYouMean, type LayerId, ObError, type Store } from "@ob/core";
import { buildNames, type Spec } from "@ob/spec";
import type { GuestStep } from "../steps/guest-step.ts";
import { renewedStepId } from "../steps/step-id.ts";

/** Which stages run all their steps: all, or the nested builds of these names; an empty name is the main one. */
export type NoCache = boolean | readonly string[];

/**
 * The ids of steps that were run anew, or are now. A layer never changes, so such a step has an id of its own, which the store
 * remembers when its layer is there. One for each build.
 */
export class RenewedSteps {
  readonly #store: Pick<Store, "find" | "renewals">;
  readonly #noCache: NoCache;
  /** Most builds need none. */
  #nonce: string | undefined;
  /** The new ids of this build, by those of the spec: stages that share a step run it once. */
  readonly #renewed = new Map<LayerId, Promise<LayerId>>();

  /** @throws ObError `USAGE` if the store cannot have such steps. */
  constructor(store: Pick<Store, "find" | "renewals">, noCache: NoCache = false) {
    this.#store = store;
    this.#noCache = noCache;
    if (noCache !== false && !store.renewals) {
      throw new ObError("USAGE", "Steps cannot be run anew in this store.");
    }
  }

  /** The step with the id that it has now. @param build see `StepInfo.build`. */
  async apply(step: GuestStep, build: readonly string[]): Promise<GuestStep> {
    const { id } = step.info;
    const now = this.#isAnew(build) ? await this.#anew(id) : this.#current(id);
    if (now === id) return step;
    switch (step.kind) {
      case "run":
        return { ...step, info: { ...step.info, id: now } };
      case "copy":
        return { ...step, info: { ...step.info, id: now } };
      case "copy-from":
        return { ...step, info: { ...step.info, id: now } };
    }
  }

  /** To be called when the layer of an applied step is in the store. @param id the step's id before. */
  finished(id: LayerId, step: GuestStep): void {
    if (step.info.id !== this.#current(id)) this.#store.renewals?.renew(id, step.info.id);
  }

  #isAnew(build: readonly string[]): boolean {
    return typeof this.#noCache === "boolean" ? this.#noCache : this.#noCache.includes(build.at(-1) ?? "");
  }

  #current(id: LayerId): LayerId {
    return this.#store.renewals?.current(id) ?? id;
  }

  async #anew(id: LayerId): Promise<LayerId> {
    const known = this.#renewed.get(id) ?? this.#choose(id);
    this.#renewed.set(id, known);
    return await known;
  }

  /** A layer that does not exist yet needs no other id. */
  async #choose(id: LayerId): Promise<LayerId> {
    const current = this.#current(id);
    return (await this.#store.find(current))
      ? renewedStepId(id, (this.#nonce ??= randomBytes(16).toString("hex")))
      : current;
  }
}

/** Warns of names that no build has: they can be mistyped. */
export function warnOfUnknownStages(
  noCache: NoCache | undefined,
  { spec, emit }: { readonly spec: Spec; readonly emit: Emit },
): void {
  if (noCache === undefined || typeof noCache === "boolean") return;
  const names = buildNames(spec);
  for (const name of noCache) {
    if (name === "" || names.includes(name)) continue;
    const meant = didYouMean(name, names);
    const text = `The spec has no build ${JSON.stringify(name)} to run anew.${meant === undefined ? "" : ` ${meant}`}`;
    emit({ type: "log", level: "warning", text });
  }
}
