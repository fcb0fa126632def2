import type { LayerItem, PruneItem } from "./prune-item.ts";

/** What may be removed, and until when. Sizes are in bytes. */
export interface PruneRules {
  /** Only what was last used before this moment; by default all that there is. */
  readonly before?: Date | undefined;
  /** Only what it is true for; by default all. */
  readonly matches?: ((item: PruneItem) => boolean) | undefined;
  /** How much all may take. */
  readonly maxUsedSpace?: number | undefined;
  /** How much of the disk is to be free. */
  readonly minFreeSpace?: number | undefined;
  /** How much may stay in any case. */
  readonly reservedSpace?: number | undefined;
  /** How many are removed at most. */
  readonly limit?: number | undefined;
  /** Removes layers that have tags, too. */
  readonly tagged?: boolean | undefined;
}

/**
 * What a prune removes, in its order: the least recently used first, until the rest is as small as the rules ask. A layer comes
 * after all that are based on it. What is in use, and layers that have a tag, stay, and so does what they are based on.
 *
 * @param free what is free on the disk, in bytes.
 */
export function planPrune(
  items: readonly PruneItem[],
  rules: PruneRules,
  free: number,
): readonly PruneItem[] {
  const { before, matches = () => true, limit = Number.POSITIVE_INFINITY, tagged = false } = rules;
  let left = items.reduce((sum, { bytes }) => sum + bytes, 0);
  const most = keepBytes(left, { free, rules });
  const sorted = items.toSorted((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
  const tree = new Layers(sorted);
  const isFixed = (item: PruneItem): boolean =>
    item.inUse || (item.type === "layer" && !tagged && item.tags.length > 0);
  const isRecent = ({ lastUsed }: PruneItem): boolean => before !== undefined && lastUsed >= before;
  const gone = new Set<PruneItem>();
  for (let index = 0; index < sorted.length && gone.size < limit && left > most;) {
    const item = sorted[index];
    const stays = !item || gone.has(item) || isFixed(item) || isRecent(item) || !matches(item);
    if (stays || tree.hasChildren(item)) {
      index++;
      continue;
    }
    gone.add(item);
    left -= item.bytes;
    // Its parent may have been passed over because of it.
    index = Math.min(index + 1, tree.remove(item) ?? index + 1);
  }
  return [...gone];
}

/**
 * The moment after which all of these were used: what is used later than now is not among what was planned. A last use in the future
 * is that of a clock which was wrong.
 */
export function momentAfter(items: readonly PruneItem[]): Date {
  // The store counts whole seconds: what was used in the current one is not yet before now.
  return new Date(
    items.reduce((last, { lastUsed }) => Math.max(last, lastUsed.getTime()), Date.now()) + 1_000,
  );
}

interface Spaces {
  readonly free: number;
  readonly rules: PruneRules;
}

/** How much may stay, as BuildKit's three limits say it together; -1 if all is to be removed. */
function keepBytes(total: number, { free, rules }: Spaces): number {
  const { maxUsedSpace, minFreeSpace, reservedSpace } = rules;
  if (maxUsedSpace === undefined && minFreeSpace === undefined && reservedSpace === undefined) return -1;
  const short = minFreeSpace === undefined ? 0 : Math.max(0, minFreeSpace - free);
  // Alone, the reserved space is how much may stay.
  const isReserveAlone = maxUsedSpace === undefined && minFreeSpace === undefined;
  const wanted = isReserveAlone ? 0 : Math.min(maxUsedSpace ?? total, total - short);
  return Math.max(wanted, reservedSpace ?? 0, 0);
}

/** Which layers are based on which, while layers are removed. */
class Layers {
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #children = new Map<string, number>();

  constructor(items: readonly PruneItem[]) {
    const layers = items.flatMap((item, index) => (item.type === "layer" ? [{ item, index }] : []));
    this.#indexes = new Map(layers.map(({ item, index }) => [item.id, index]));
    for (const { parent } of layers.map(({ item }) => item)) {
      if (parent !== undefined) this.#children.set(parent, (this.#children.get(parent) ?? 0) + 1);
    }
  }

  hasChildren(item: PruneItem): boolean {
    return item.type === "layer" && (this.#children.get(item.id) ?? 0) > 0;
  }

  /** @returns the index of its parent, if that has no other children. */
  remove(item: PruneItem): number | undefined {
    const parent = item.type === "layer" ? (item satisfies LayerItem).parent : undefined;
    if (parent === undefined) return undefined;
    const children = (this.#children.get(parent) ?? 1) - 1;
    this.#children.set(parent, children);
    return children === 0 ? this.#indexes.get(parent) : undefined;
  }
}
