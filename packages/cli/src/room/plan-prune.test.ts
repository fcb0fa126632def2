import { describe, expect, it } from "vitest";
import { idOf } from "../testing/terminal.ts";
import { momentAfter, planPrune, type PruneRules } from "./plan-prune.ts";
import type { LayerItem, OtherItem, PruneItem } from "./prune-item.ts";

const facts = { bytes: 10, description: "", inUse: false };

function layer(digit: string, used: number, about: Partial<LayerItem> = {}): LayerItem {
  return {
    type: "layer",
    id: idOf(digit),
    parent: undefined,
    tags: [],
    lastUsed: new Date(used),
    ...facts,
    ...about,
  };
}

function other(type: OtherItem["type"], used: number, about: Partial<OtherItem> = {}): OtherItem {
  return { type, id: type, lastUsed: new Date(used), ...facts, ...about };
}

/** A base with two layers on it, and another on one of those. */
const [base, one, two, three] = [
  layer("a", 1_000),
  layer("b", 3_000, { parent: idOf("a") }),
  layer("c", 2_000, { parent: idOf("b") }),
  layer("d", 4_000, { parent: idOf("a") }),
];
const layers = [base, two, one, three];

const planned = (items: readonly PruneItem[], rules: Partial<PruneRules> = {}, free = 0) =>
  planPrune(items, { before: new Date(9_000), ...rules }, free);

describe("what a prune removes", () => {
  it("is a layer only after all layers based on it, the least recently used first", () => {
    expect(planned(layers)).toEqual([two, one, three, base]);
    expect(planned(layers, { limit: 1 })).toEqual([two]);
    expect(planned(layers, { before: new Date(4_000) })).toEqual([two, one]);
    expect(planned([])).toEqual([]);
  });

  it("is not in use, and has neither a tag nor a layer with one on it", () => {
    const used = { ...two, inUse: true };
    expect(planned([base, used, one, three])).toEqual([three]);
    const tagged = { ...one, tags: ["tools"] };
    expect(planned([base, two, tagged, three])).toEqual([two, three]);
    expect(planned([base, two, tagged, three], { tagged: true })).toEqual([two, tagged, three, base]);
    expect(planned([other("cache", 1, { inUse: true })])).toEqual([]);
  });

  it("is what the filter matches: a layer that it does not match keeps those below it", () => {
    expect(planned(layers, { matches: ({ id }) => id !== one.id })).toEqual([two, three]);
  });

  it("is also what a wrong clock says was used in the future, unless a moment is given", () => {
    const future = layer("e", Date.UTC(2106, 1, 8));
    expect(planPrune([future, two], { limit: 5 }, 0)).toEqual([two, future]);
    expect(planned([future])).toEqual([]);
    expect(momentAfter([two, future]) > future.lastUsed).toBe(true);
    expect(momentAfter([]).getTime()).toBeGreaterThan(Date.now());
  });

  it("goes by the last use over layers, caches and snapshots", () => {
    const [cache, snapshot] = [other("cache", 2_500), other("snapshot", 500)];
    expect(planned([...layers, cache, snapshot])).toEqual([snapshot, two, cache, one, three, base]);
  });
});

describe("the space that stays", () => {
  // 60 bytes in all.
  const items = [...layers, other("cache", 500), other("snapshot", 700)];
  const count = (rules: Partial<PruneRules>, free = 0) => planned(items, rules, free).length;

  it.each<readonly [string, Partial<PruneRules>, number, number]>([
    ["--max-used-space is what stays at most", { maxUsedSpace: 60 }, 0, 0],
    ["and is not exceeded by a byte", { maxUsedSpace: 59 }, 0, 1],
    ["--max-used-space of 0 removes all", { maxUsedSpace: 0 }, 0, 6],
    ["--min-free-space removes nothing where that is free", { minFreeSpace: 100 }, 100, 0],
    ["--min-free-space removes what is missing", { minFreeSpace: 100 }, 75, 3],
    ["and all where that is not enough", { minFreeSpace: 100 }, 0, 6],
    ["the smaller of the two counts", { maxUsedSpace: 50, minFreeSpace: 100 }, 75, 3],
    ["the smaller of the two counts, the other way round", { maxUsedSpace: 20, minFreeSpace: 100 }, 75, 4],
    ["--reserved-space stays in any case", { maxUsedSpace: 0, reservedSpace: 25 }, 0, 4],
    ["also from --min-free-space", { minFreeSpace: 100, reservedSpace: 60 }, 0, 0],
    ["--reserved-space alone is what stays", { reservedSpace: 40 }, 0, 2],
    ["--reserved-space changes nothing that stays anyway", { maxUsedSpace: 50, reservedSpace: 10 }, 0, 1],
  ])("%s", (_, ...row) => {
    const [rules, free, removed] = row;
    expect(count(rules, free)).toBe(removed);
  });

  it("counts what cannot be removed, too", () => {
    const used = items.map((item) => (item.type === "layer" ? { ...item, inUse: true } : item));
    expect(planned(used, { maxUsedSpace: 0 })).toHaveLength(2);
    expect(planned(used, { maxUsedSpace: 50 })).toHaveLength(1);
  });
});
