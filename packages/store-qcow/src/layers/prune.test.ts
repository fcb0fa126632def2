import { readdirSync } from "node:fs";
import { type LayerId, layerLock } from "@ob/core";
import { syncPath, tryLock, waitForLock } from "@ob/qcow2";
import type * as Timers from "node:timers/promises";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";
import { pruneLayers } from "./remove.ts";

// Nothing waits here.
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof Timers>()),
  setTimeout: async () => undefined,
}));
vi.mock("@ob/qcow2", async (original) => {
  const all = await original<typeof Qcow2>();
  return {
    ...all,
    syncPath: vi.fn<typeof all.syncPath>(all.syncPath),
    waitForLock: vi.fn<typeof all.waitForLock>(all.waitForLock),
  };
});

let here: PlainStore;
let base: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
});
afterEach(async () => await here[Symbol.asyncDispose]());

const later = () => new Date(Date.now() + 3_600_000);
const rows = () => new Set(here.context.database.list().map(({ id }) => id));
const onDisk = () => new Set(readdirSync(here.context.layout.results));
const left = () => readdirSync(here.context.layout.temporary);

describe("pruning", () => {
  const prune = (options: Partial<Parameters<typeof pruneLayers>[1]> = {}) =>
    pruneLayers(here.context, { before: later(), ...options });

  it("takes leaves first and lets others in after 200", async () => {
    const leaves = Array.from({ length: 201 }, (_, index) => here.add(`leaf ${index}`, base));
    vi.mocked(waitForLock).mockClear();
    const gone = await prune();
    expect(new Set(gone.slice(0, 201))).toEqual(new Set(leaves));
    expect(gone.slice(201)).toEqual([base]);
    // 200, the last leaf, the base, and a look at what is left.
    expect(vi.mocked(waitForLock)).toHaveBeenCalledTimes(4);
    expect([rows().size, onDisk().size, left()]).toEqual([0, 0, []]);
  });

  it("ends at its limit, and takes only what is wanted, and no tags", async () => {
    const [one, two, three] = ["1", "2", "3"].map((name) => here.add(name, base)) as [
      LayerId,
      LayerId,
      LayerId,
    ];
    expect(await prune({ limit: 0 })).toEqual([]);
    expect(await prune({ limit: 1 })).toEqual([one]);
    here.context.database.tags.set(two, ["kept"]);
    expect(await prune({ only: new Set([two, base]) })).toEqual([]);
    expect(await prune({ only: new Set([two, base]), tagged: true })).toEqual([two]);
    expect(await prune()).toEqual([three, base]);
  });

  it("goes past what is in use to its limit, and takes no more of what is wanted", async () => {
    const [used, one, two] = [here.add("used", base), here.add("1", base), here.add("2", base)];
    using lock = await tryLock(layerLock(here.context.layout, used), "shared");
    expect(lock).toBeDefined();
    expect(await prune({ limit: 1 })).toEqual([one]);
    here.add("3", base);
    expect(await prune({ limit: 1, only: new Set([two, idOf("3")]) })).toEqual([two]);
  });

  it("flushes nothing if nothing goes", async () => {
    vi.mocked(syncPath).mockClear();
    expect(await prune({ limit: 0 })).toEqual([]);
    expect(vi.mocked(syncPath)).not.toHaveBeenCalled();
  });

  it("leaves what is in use with its parents, and says what goes", async () => {
    const used = here.add("used", base);
    const free = here.add("free", base);
    using lock = await tryLock(layerLock(here.context.layout, used), "shared");
    expect(lock).toBeDefined();
    const told: LayerId[] = [];
    expect(await prune({ onDelete: (id) => told.push(id) })).toEqual([free]);
    expect(told).toEqual([free]);
    expect(rows()).toEqual(new Set([base, used]));
  });

  it("leaves what was published after its beginning", async () => {
    const first = here.add("first", base);
    const added: LayerId[] = [];
    const onDelete = (id: LayerId): void => {
      if (id === first) added.push(here.add("late", base));
    };
    expect(await prune({ onDelete })).toEqual([first]);
    expect(rows()).toEqual(new Set([base, ...added]));
    expect(await prune()).toEqual([...added, base]);
  });

  it("adds layers first whose rows are missing", async () => {
    const child = here.add("child", base);
    here.context.database.remove([child]);
    here.context.database.markPending(child, base);
    expect(await prune({ limit: 1 })).toEqual([child]);
    expect(rows()).toEqual(new Set([base]));
  });

  it("ends when it is cancelled", async () => {
    await expect(prune({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
    expect(rows()).toEqual(new Set([base]));
  });
});
