import { type BuildRecord, ObError, type ObEvent } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { expect, it } from "vitest";
import { idOf, stepOf } from "../testing/terminal.ts";
import { BuildRecorder } from "./build-recorder.ts";

const run = stepOf(idOf("c"), "/: (run (shell make))", idOf("b"));

function recording() {
  const events: ObEvent[] = [];
  const store = new MemoryStore();
  const io = { interruptedBy: () => undefined };
  const options = { spec: "a.spec", context: "/src", io, emit: (event: ObEvent) => void events.push(event) };
  return { events, store, recorder: new BuildRecorder(options) };
}

const earlier: BuildRecord = {
  ...{
    id: "0",
    spec: "-",
    context: "/src",
    started: new Date(0),
    finished: new Date(1),
    outcome: "succeeded",
  },
  steps: [
    {
      ...{ id: idOf("a"), op: "run", heading: run.heading, build: [], start: 0, milliseconds: 4_000 },
      ...{ outcome: "saved", phases: [] },
    },
  ],
};

it("knows what steps took in earlier builds as soon as the store is open", () => {
  const { store, recorder } = recording();
  store.builds.add(earlier);
  expect(recorder.lastTime(run)).toBeUndefined();
  recorder.keep(store);
  expect(recorder.lastTime(run)).toBe(4_000);
});

it("does not let a build fail because of its record", async () => {
  const { store, recorder, events } = recording();
  const broken = () => {
    throw new ObError("NO_SPACE", "The disk is full.");
  };
  Object.assign(store.builds, { add: broken, list: broken });
  recorder.keep(store);
  expect(recorder.lastTime(run)).toBeUndefined();
  expect(await recorder.during(async () => run.id)).toBe(run.id);
  expect(events).toEqual([{ type: "log", level: "warning", text: "The disk is full." }]);
});

it("passes on why a build has failed, whatever becomes of its report", async () => {
  const { store, recorder, events } = recording();
  recorder.keep(store);
  const failing = recorder.during(
    async () => {
      throw new ObError("GUEST_LOST", "The guest is gone.");
    },
    async () => {
      throw new ObError("STORE", "Cannot write the report.");
    },
  );
  await expect(failing).rejects.toMatchObject({ code: "GUEST_LOST" });
  expect(store.builds.list()).toMatchObject([{ outcome: "failed", errorCode: "GUEST_LOST" }]);
  expect(events).toMatchObject([{ level: "warning", text: "Cannot write the report." }]);
});

it("fails a build that has succeeded if the report that was asked for cannot be written", async () => {
  const { store, recorder } = recording();
  recorder.keep(store);
  const building = recorder.during(
    async () => run.id,
    async () => {
      throw new ObError("STORE", "Cannot write the report.");
    },
  );
  await expect(building).rejects.toMatchObject({ code: "STORE" });
  expect(store.builds.list()).toMatchObject([{ outcome: "succeeded", layer: run.id }]);
});
