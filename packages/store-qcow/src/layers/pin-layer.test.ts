import { renameSync, rmSync } from "node:fs";
import { type LayerId, layerLock, ObError, resultDirectory, within } from "@ob/core";
import { isFree, tryLock } from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { repairChain } from "../chain/backing-chain.ts";
import type * as BackingChain from "../chain/backing-chain.ts";
import { idOf } from "../temporary-store.test.helper.ts";
import { ifDeleted, lockLayer, pinLayer } from "./pin-layer.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";

vi.mock("../chain/backing-chain.ts", async (original) => {
  const all = await original<typeof BackingChain>();
  return { ...all, repairChain: vi.fn<typeof all.repairChain>(all.repairChain) };
});

let here: PlainStore;
let base: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
  vi.mocked(repairChain).mockClear();
});
afterEach(async () => await here[Symbol.asyncDispose]());

const isUnlocked = (id: LayerId) => isFree(layerLock(here.context.layout, id));
const noSuchLayer = (id: LayerId) => ({
  ...{ code: "NO_SUCH_LAYER", message: `The store has no layer ${id}.`, data: { layer: id } },
  hint: "It was never built, or has been deleted: build it (again).",
});

/** Takes the layer away at the next look at its chain, which then fails. */
function onRepair(change: () => void): Error {
  const error = new Error("a file is missing");
  vi.mocked(repairChain).mockImplementationOnce(async () => {
    change();
    throw error;
  });
  return error;
}

const moveAway = () =>
  renameSync(resultDirectory(here.context.layout, base), within(here.context.layout.temporary, "trash-1"));

describe.each([
  ["pinLayer", pinLayer],
  ["lockLayer", lockLayer],
])("%s", (_, take) => {
  it("locks a layer shared until it is released", async () => {
    const lock = await take(here.context, base);
    expect(lock).toMatchObject({ mode: "shared", path: layerLock(here.context.layout, base) });
    expect(isUnlocked(base)).toBe(false);
    lock.release();
    expect(isUnlocked(base)).toBe(true);
  });

  it("of a layer that is not there is an error, and leaves no lock", async () => {
    await expect(take(here.context, idOf("none"))).rejects.toMatchObject(noSuchLayer(idOf("none")));
    expect(isUnlocked(idOf("none"))).toBe(true);
  });

  it("ends when it is cancelled while the layer is being made", async () => {
    using lock = await tryLock(layerLock(here.context.layout, base), "exclusive");
    expect(lock).toBeDefined();
    await expect(take(here.context, base, AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("pinning a layer", () => {
  it("repairs its chain before the lock is taken", async () => {
    const { signal } = new AbortController();
    vi.mocked(repairChain).mockImplementationOnce(async () => expect(isUnlocked(base)).toBe(true));
    using lock = await pinLayer(here.context, base, signal);
    expect(lock.mode).toBe("shared");
    expect(vi.mocked(repairChain).mock.calls).toEqual([[here.context, base, signal]]);
  });

  it("fails with its chain, and leaves no lock", async () => {
    const error = onRepair(() => undefined);
    await expect(pinLayer(here.context, base)).rejects.toBe(error);
    expect(vi.mocked(repairChain)).toHaveBeenCalledTimes(1);
    expect(isUnlocked(base)).toBe(true);
  });

  it("finds no such layer if it was deleted while its chain was read", async () => {
    onRepair(moveAway);
    await expect(pinLayer(here.context, base)).rejects.toMatchObject(noSuchLayer(base));
    expect(isUnlocked(base)).toBe(true);
  });

  it("takes the one that was made again while its chain was read", async () => {
    onRepair(() => {
      moveAway();
      here.add("base");
    });
    using lock = await pinLayer(here.context, base);
    expect(lock.mode).toBe("shared");
    expect(vi.mocked(repairChain)).toHaveBeenCalledTimes(2);
  });
});

it("a layer is deleted if there is none, and not with other errors", () => {
  rmSync(resultDirectory(here.context.layout, base), { recursive: true });
  expect(ifDeleted(new ObError("NO_SUCH_LAYER", "gone"))).toBeUndefined();
  const other = new ObError("STORE", "odd");
  expect(() => ifDeleted(other)).toThrow(other);
});
