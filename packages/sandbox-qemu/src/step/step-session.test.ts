import { layerId, type SandboxStep, sha256 } from "@ob/core";
import { expect, it } from "vitest";
import type { PausedVm } from "./paused-vm.ts";
import { QemuStepSession, type StepRunner } from "./step-session.ts";
import { runTask } from "../testing/run-task.ts";

const step: SandboxStep = {
  layer: layerId(sha256("a step")),
  disk: "/disk.qcow2",
  image: { manifest: undefined, manifestDirectory: "/" },
  task: runTask(),
  keepVm: true,
};

/** VMs that are only counted. */
function pausedVms() {
  const alive = new Set<string>();
  const make = (name: string): PausedVm => {
    alive.add(name);
    const vm: Pick<PausedVm, typeof Symbol.asyncDispose> = {
      [Symbol.asyncDispose]: () => {
        alive.delete(name);
        return Promise.resolve();
      },
    };
    return vm as PausedVm;
  };
  return { alive, make };
}

function sessionWith(runStep: StepRunner["runStep"]): QemuStepSession {
  return new QemuStepSession({ runStep, admit: async () => lease(), sessionClosed: () => undefined });
}

function lease(vm?: PausedVm, onEnd: () => void = () => undefined) {
  return { vm, [Symbol.dispose]: onEnd };
}

it("hands the VM of a step to the next step, and ends the last one", async () => {
  const { alive, make } = pausedVms();
  const given: (PausedVm | undefined)[] = [];
  const paused = make("first");
  const session = sessionWith(async (_, { pausedVm }) => {
    given.push(pausedVm);
    return paused;
  });
  await session.run(step);
  await session.run(step);
  expect(given).toEqual([undefined, paused]);
  expect(alive).toEqual(new Set(["first"]));
  await session[Symbol.asyncDispose]();
  expect(alive).toEqual(new Set());
});

it("keeps no VM if it is closed while a step runs", async () => {
  const { alive, make } = pausedVms();
  const { promise, resolve } = Promise.withResolvers<void>();
  const session = sessionWith(async () => {
    await promise;
    return make("late");
  });
  const running = session.run(step);
  await session[Symbol.asyncDispose]();
  resolve();
  await running;
  expect(alive).toEqual(new Set());
});

it("has no VM for the next step after a step that failed", async () => {
  const { make } = pausedVms();
  const given: unknown[] = [];
  const session = sessionWith(async (_, { pausedVm }) => {
    given.push(pausedVm);
    if (given.length === 2) throw new Error("failed");
    return make(`VM ${given.length}`);
  });
  await session.run(step);
  await expect(session.run(step)).rejects.toThrow("failed");
  await session.run(step);
  expect(given[2]).toBeUndefined();
});

it("tells its runner which step is the first, also if that fails", async () => {
  const given: unknown[] = [];
  const session = sessionWith(async (_, { isFirst }) => {
    given.push(isFirst);
    if (given.length === 1) throw new Error("failed");
    return undefined;
  });
  await expect(session.run(step)).rejects.toThrow("failed");
  await session.run(step);
  expect(given).toEqual([true, false]);
});

it("tells its runner once it is closed", async () => {
  const closed: unknown[] = [];
  const session = new QemuStepSession({
    runStep: async () => undefined,
    admit: async () => lease(),
    sessionClosed: (each) => void closed.push(each),
  });
  await session[Symbol.asyncDispose]();
  expect(closed).toEqual([session]);
});

it("is admitted once, gets the VM that was kept ready for its first step, and gives its place back", async () => {
  const { alive, make } = pausedVms();
  const warm = make("warm");
  const given: unknown[] = [];
  const events: string[] = [];
  const session = new QemuStepSession({
    runStep: async (_, { pausedVm }) => {
      given.push(pausedVm);
      await pausedVm?.[Symbol.asyncDispose]();
      return undefined;
    },
    admit: async () => {
      events.push("admitted");
      return lease(warm, () => void events.push("left"));
    },
    sessionClosed: () => undefined,
  });
  await session.run(step);
  await session.run(step);
  expect(given).toEqual([warm, undefined]);
  expect(alive).toEqual(new Set());
  expect(events).toEqual(["admitted"]);
  await session[Symbol.asyncDispose]();
  expect(events).toEqual(["admitted", "left"]);
});
