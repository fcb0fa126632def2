import { layerId, type ObEvent, sha256 } from "@ob/core";
import { expect, it } from "vitest";
import { PhaseTimer } from "./phase-timer.ts";

it("says for its layer how the VM came to run", () => {
  const events: ObEvent[] = [];
  const layer = layerId(sha256("a step"));
  new PhaseTimer(layer, (event) => void events.push(event)).vmStarted("resume");
  expect(events).toEqual([{ type: "vm-started", layer, start: "resume" }]);
});

it("says why the VM of the step before was not reused, and why its own is not kept", () => {
  const events: ObEvent[] = [];
  const layer = layerId(sha256("a step"));
  const phases = new PhaseTimer(layer, (event) => void events.push(event));
  phases.notReused("the network differs");
  phases.vmStarted("boot");
  phases.vmNotKept("the step had secrets");
  expect(events).toEqual([
    { type: "vm-started", layer, start: "boot", reason: "the network differs" },
    { type: "vm-not-kept", layer, reason: "the step had secrets" },
  ]);
});

it("emits each phase when it starts, and the duration of each when it ends", () => {
  const events: ObEvent[] = [];
  const layer = layerId(sha256("a step"));
  const phases = new PhaseTimer(layer, (event) => void events.push(event));
  phases.start("boot");
  phases.start("run");
  phases.end();
  phases.end();
  expect(events).toMatchObject([
    { type: "phase", layer, phase: "boot" },
    { type: "log", level: "debug", text: expect.stringMatching(/^boot: \d+ ms$/) },
    { type: "phase", layer, phase: "run" },
    { type: "log", level: "debug", text: expect.stringMatching(/^run: \d+ ms$/) },
  ]);
});
