import type { LayerId, LayerRecord } from "@ob/core";
import { expect, it } from "vitest";
import { previewPrune } from "./prune-dry-run.ts";
import { idOf } from "../testing/terminal.ts";

const [base, one, two, other] = [idOf("a"), idOf("b"), idOf("c"), idOf("d")];

function record(id: LayerId, used: number, about: Partial<LayerRecord> = {}): LayerRecord {
  return { id, parent: undefined, created: new Date(0), lastUsed: new Date(used), dependents: 0, ...about };
}

const records = [
  record(base, 1_000, { dependents: 2 }),
  record(two, 2_000, { parent: one }),
  record(one, 3_000, { parent: base, dependents: 1 }),
  record(other, 4_000, { parent: base }),
];

it("lists a layer only after all layers based on it", () => {
  expect(previewPrune(records, { before: new Date(9_000) })).toEqual([two, one, other, base]);
});

it("stops at the limit, and at layers that were used later", () => {
  expect(previewPrune(records, { before: new Date(9_000), limit: 1 })).toEqual([two]);
  expect(previewPrune(records, { before: new Date(4_000) })).toEqual([two, one]);
  expect(previewPrune([], { before: new Date(9_000) })).toEqual([]);
});
