import assert from "node:assert/strict";
import { type BuildRecord, maxBuildRecords } from "../../ports/build-records.ts";
import type { StoreCheck } from "./fixture.ts";
import { idOf } from "./store-fixtures.ts";
import { tagging } from "./store-tags.ts";

function recordAt(minute: number, more: Partial<BuildRecord> = {}): BuildRecord {
  const started = new Date(Date.UTC(2026, 0, 1, 0, minute));
  return {
    ...{ id: minute.toString(16).padStart(12, "0"), spec: "-", context: "/src", started },
    ...{ finished: new Date(started.getTime() + 1_500), outcome: "succeeded", steps: [] },
    ...more,
  };
}

/** Records of builds. */
const building: Readonly<Record<string, StoreCheck>> = {
  "a build that was recorded is listed as it was given, the last one first, whatever the clock said": async ({
    store,
  }) => {
    const failed = recordAt(1, {
      ...{ outcome: "failed", errorCode: "STEP_FAILED" },
      steps: [
        {
          ...{
            id: idOf("b"),
            op: "from",
            heading: "(from base)",
            build: ["tools"],
            start: 2,
            milliseconds: 3,
          },
          ...{ outcome: "cached", phases: [], bytes: 0 },
        },
        {
          ...{
            id: idOf("x"),
            op: "run",
            heading: "/: (run (shell ä))",
            build: [],
            start: 5,
            milliseconds: 6,
          },
          ...{ outcome: "failed", vmStart: "resume", vmReason: "the network differs" },
          phases: [{ phase: "boot", start: 1, milliseconds: 4 }],
        },
      ],
    });
    const succeeded = recordAt(2, { layer: idOf("x") });
    store.builds.add(succeeded);
    store.builds.add(failed);
    assert.deepEqual(store.builds.list(), [failed, succeeded]);
  },

  "records are removed by their ids": async ({ store }) => {
    const records = [recordAt(3), recordAt(2), recordAt(1)];
    for (const record of records) store.builds.add(record);
    const [three, two, one] = records.map(({ id }) => id);
    assert.equal(store.builds.remove([three ?? "", one ?? "", "none"]), 2);
    assert.deepEqual(
      store.builds.list().map(({ id }) => id),
      [two],
    );
  },

  "of many builds the last are remembered, also those from after the clock was set back": async ({
    store,
  }) => {
    for (let minute = 0; minute <= maxBuildRecords; minute++) store.builds.add(recordAt(minute));
    const ids = store.builds.list().map(({ id }) => id);
    assert.deepEqual(
      [ids.length, ids[0], ids.at(-1)],
      [maxBuildRecords, recordAt(maxBuildRecords).id, recordAt(1).id],
    );
    const back = recordAt(-600_000);
    store.builds.add(back);
    assert.deepEqual([store.builds.list().length, store.builds.list()[0]], [maxBuildRecords, back]);
  },
};

/** What a store is told of layers and builds: tags, steps, builds. */
export const recording: Readonly<Record<string, StoreCheck>> = { ...tagging, ...building };
