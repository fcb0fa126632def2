import { layerId, type SandboxStep, sha256 } from "@ob/core";
import { expect, it } from "vitest";
import type { PausedVm } from "./vm-reuse.ts";
import { QemuStepSession } from "./step-session.ts";
import { runTask } from "../testing/run-task.ts";

const step: SandboxStep = {
  layer: layerId(sha256("a step")),
  disk: "/disk.qcow2",
  image: { manifest: undefined, manifestDirectory: "/" },
  task: runTask(),
  keepVm: true,
};

/** Guests that only count: the sequence looks at nothing of theirs. */
function guests() {
  const alive = new Set<string>();
  const make = (name: string): PausedVm => {
    alive.add(name);
    const guest: Pick<PausedVm, typeof Symbol.asyncDispose> = {
      [Symbol.asyncDispose]: () => {
        alive.delete(name);
        return Promise.resolve();
      },
    };
    return guest as PausedVm;
  };
  return { alive, make };
}

it("a sequence hands the guest of a step to the next, and ends the last", async () => {
  const { alive, make } = guests();
  const given: (PausedVm | undefined)[] = [];
  const left = make("first");
  const sequence = new QemuStepSession(
    async (_, { pausedVm }) => {
      given.push(pausedVm);
      return left;
    },
    () => undefined,
  );
  await sequence.run(step);
  await sequence.run(step);
  expect(given).toEqual([undefined, left]);
  expect(alive).toEqual(new Set(["first"]));
  await sequence[Symbol.asyncDispose]();
  expect(alive).toEqual(new Set());
});

it("a sequence that ends while a step runs keeps no guest of it", async () => {
  const { alive, make } = guests();
  const { promise, resolve } = Promise.withResolvers<void>();
  const sequence = new QemuStepSession(
    async () => {
      await promise;
      return make("late");
    },
    () => undefined,
  );
  const running = sequence.run(step);
  await sequence[Symbol.asyncDispose]();
  resolve();
  await running;
  expect(alive).toEqual(new Set());
});

it("a step that fails leaves no guest to the next", async () => {
  const { make } = guests();
  const given: unknown[] = [];
  let calls = 0;
  const sequence = new QemuStepSession(
    async (_, { pausedVm }) => {
      given.push(pausedVm);
      calls += 1;
      if (calls === 2) throw new Error("failed");
      return make(`guest ${calls}`);
    },
    () => undefined,
  );
  await sequence.run(step);
  await expect(sequence.run(step)).rejects.toThrow("failed");
  await sequence.run(step);
  expect(given[2]).toBeUndefined();
});
