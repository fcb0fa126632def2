import { type LayerId, layerLock, within } from "@ob/core";
import { isFree, isLockedExclusively, tryLock } from "@ob/qcow2";
import type * as Timers from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { behindGate, enterGate, lockShared } from "./gate.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";

/** Pauses between two tries, in milliseconds. Nothing waits here. */
const pauses = vi.hoisted((): { all: number[]; onPause: (milliseconds: number) => void } => ({
  all: [],
  onPause: () => undefined,
}));
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof Timers>()),
  setTimeout: async (milliseconds: number) => {
    pauses.all.push(milliseconds);
    pauses.onPause(milliseconds);
  },
}));

let here: PlainStore;
let layer: LayerId;
let gate: string;
beforeEach(async () => {
  here = await plainStore();
  layer = here.add("layer");
  gate = within(here.context.layout.locks, "gate");
  pauses.all.length = 0;
  pauses.onPause = () => undefined;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await here[Symbol.asyncDispose]();
});

describe("the gate", () => {
  it.each(["shared", "exclusive"] as const)("is one lock of the store, which is held %s", async (mode) => {
    using lock = await enterGate(here.context.layout, { mode });
    expect([lock.path, lock.mode]).toEqual([gate, mode]);
  });

  it("is held while the work behind it is done, and free after it and after its failure", async () => {
    const { layout } = here.context;
    const held = await behindGate(layout, { mode: "exclusive" }, async () => isLockedExclusively(gate));
    expect([held, isFree(gate)]).toEqual([true, true]);
    const failing = behindGate(layout, { mode: "shared" }, async () => {
      expect([isFree(gate), isLockedExclusively(gate)]).toEqual([false, false]);
      throw new Error("odd");
    });
    await expect(failing).rejects.toThrow("odd");
    expect(isFree(gate)).toBe(true);
  });

  it("is not waited for after a signal", async () => {
    const entering = enterGate(here.context.layout, { mode: "shared", signal: AbortSignal.abort() });
    await expect(entering).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("a lock that keeps a layer", () => {
  it("is taken behind the gate, which is free then", async () => {
    using lock = await lockShared(here.context.layout, layer);
    expect(lock).toMatchObject({ path: layerLock(here.context.layout, layer), mode: "shared" });
    expect([isFree(gate), pauses.all]).toEqual([true, []]);
  });

  it("is waited for without the gate, for moments of different lengths", async () => {
    const { layout } = here.context;
    const other = await tryLock(layerLock(layout, layer), "exclusive");
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    const own: number[] = [];
    pauses.onPause = (milliseconds) => {
      // Those of the lock itself are shorter.
      if (milliseconds < 10) return;
      expect(isFree(gate)).toBe(true);
      own.push(milliseconds);
      random.mockReturnValue(0.6);
      if (own.length === 2) other?.release();
    };
    using lock = await lockShared(layout, layer);
    expect([lock.mode, own]).toEqual(["shared", [20, 22]]);
  });

  it("is not waited for any longer after a signal", async () => {
    const { layout } = here.context;
    using other = await tryLock(layerLock(layout, layer), "exclusive");
    expect(other).toBeDefined();
    const controller = new AbortController();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    pauses.onPause = () => controller.abort();
    await expect(lockShared(layout, layer, controller.signal)).rejects.toMatchObject({ code: "CANCELLED" });
    // It ends before it would wait once more.
    expect(pauses.all.filter((pause) => pause >= 10)).toEqual([]);
  });
});
