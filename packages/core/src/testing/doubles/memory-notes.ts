import { ObError } from "../../errors.ts";
import { baseLayerId, type LayerId } from "../../layer-id.ts";
import { noSuchTag } from "../../no-such-tag.ts";
import type { LayerRecord, LayerStep, LayerTag, RecordedStep } from "../../ports/layer-notes.ts";
import type { BaseImage } from "../../ports/store.ts";
import type { PruneOptions } from "../../ports/store-options.ts";
import { taggedBase } from "../../tag-name.ts";
import { MemoryBuilds } from "./memory-builds.ts";
import { noSuchLayer } from "./memory-layer.ts";
import { MemoryRenewals } from "./memory-renewals.ts";

/** What a `MemoryStore` knows of its layers besides their disks: tags, and the steps that they are the result of; and the builds. */
export abstract class MemoryNotes {
  readonly builds = new MemoryBuilds();
  readonly renewals = new MemoryRenewals();
  readonly #tags = new Map<string, LayerTag>();
  readonly #steps = new Map<LayerId, RecordedStep>();

  protected abstract recordsById(): ReadonlyMap<LayerId, Pick<LayerRecord, "id" | "parent">>;

  tags(): readonly LayerTag[] {
    const layers = this.recordsById();
    return [...this.#tags.values()]
      .filter(({ id }) => layers.has(id))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async tag(id: LayerId, names: readonly string[]): Promise<void> {
    if (!this.recordsById().has(id)) throw noSuchLayer(id);
    for (const name of names) this.#tags.set(name, { name, id, created: new Date() });
  }

  async untag(name: string): Promise<boolean> {
    return this.#tags.delete(name);
  }

  steps(): ReadonlyMap<LayerId, RecordedStep> {
    return new Map(this.#steps);
  }

  protected tagsOf(ids: readonly LayerId[]): readonly string[] {
    return this.tags().flatMap(({ name, id }) => (ids.includes(id) ? [name] : []));
  }

  protected isPrunable(layer: LayerRecord, { before, only, tagged = false }: PruneOptions): boolean {
    const { id, dependents, lastUsed } = layer;
    const isWanted = dependents === 0 && lastUsed < before && only?.has(id) !== false;
    return isWanted && (tagged || this.tagsOf([id]).length === 0);
  }

  protected recordStep(id: LayerId, step: LayerStep | undefined): void {
    if (step) this.#steps.set(id, { ...step, milliseconds: 0 });
  }

  protected forget(id: LayerId): void {
    for (const name of this.tagsOf([id])) this.#tags.delete(name);
    this.#steps.delete(id);
  }

  /** @throws ObError `LAYER_BUSY` if one of the layers has a tag. */
  protected refuseTagged(ids: readonly LayerId[]): void {
    const tags = this.tagsOf(ids).join(", ");
    if (tags !== "") throw new ObError("LAYER_BUSY", `The layer has tags: ${tags}.`, { data: { tags } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing outside of memory is held.
  }

  /** What a build sees for a name that is not one of the base images: a tagged layer, or nothing. */
  protected otherImage(base: string, others: readonly string[]): BaseImage {
    const name = taggedBase(base);
    if (name === undefined) return { name: base, id: baseLayerId(base), present: false, others };
    const tag = this.tags().find((each) => each.name === name);
    if (!tag) {
      const names = this.tags().map((each) => each.name);
      throw noSuchTag(name, names);
    }
    const layers = this.recordsById();
    let root = tag.id;
    for (let next = layers.get(root)?.parent; next !== undefined; next = layers.get(root)?.parent)
      root = next;
    return { name: base, id: tag.id, present: true, base: root };
  }
}
