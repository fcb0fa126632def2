import { DatabaseSync } from "node:sqlite";
import { type BuildRecord, sha256, layerId } from "@ob/core";
import { expect, it } from "vitest";
import { temporaryStore } from "../temporary-store.test.helper.ts";

const record: BuildRecord = {
  ...{ id: "5f0c21aa00bb", spec: "-", context: "/src", started: new Date(0), finished: new Date(1) },
  outcome: "succeeded",
  steps: [
    {
      ...{ id: layerId(sha256("x")), op: "run", heading: "x", build: [], start: 0, milliseconds: 1 },
      ...{ outcome: "saved", phases: [{ phase: "run", start: 0, milliseconds: 1 }] },
    },
  ],
};

it.each([
  ["is no JSON", "steps = 'x'"],
  ["has no list of steps", "steps = '{}'"],
  ["has a step of another kind", 'steps = \'[{"id":"x"}]\''],
  ["has another outcome", "outcome = 'paused'"],
])("a record of another version that %s is skipped", async (_, change) => {
  await using fixture = await temporaryStore();
  const { store } = fixture;
  store.builds.add(record);
  store.builds.add({ ...record, id: "other" });
  using database = new DatabaseSync(store.layout.database);
  database.exec(`UPDATE build_records SET ${change} WHERE id = 'other'`);
  expect(store.builds.list()).toEqual([record]);
});

it("a phase, or a start of a VM, of another version is left out", async () => {
  await using fixture = await temporaryStore();
  const { store } = fixture;
  store.builds.add(record);
  using database = new DatabaseSync(store.layout.database);
  database.exec(`UPDATE build_records SET steps = replace(steps, '"phase":"run"', '"phase":"sing","x":1')`);
  const [step] = store.builds.list()[0]?.steps ?? [];
  expect(step).toMatchObject({ heading: "x", phases: [] });
});

it("a database that cannot be written is an error of the store", async () => {
  await using fixture = await temporaryStore();
  const { store } = fixture;
  using database = new DatabaseSync(store.layout.database);
  database.exec("DROP TABLE build_records");
  expect(() => store.builds.add(record)).toThrow(
    expect.objectContaining({ code: "STORE", message: expect.stringContaining("Cannot record the build: ") }),
  );
});
