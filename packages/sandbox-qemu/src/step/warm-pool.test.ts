import { testTime } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WarmPool } from "./warm-pool.ts";

const never = new AbortController().signal;

/** VMs that are only counted; each is ready once the test says so, or at once. */
class FakeVms {
  /** Of those that were started and not ended, what they are for, in the order of their starts. */
  readonly alive: FakeVm[] = [];
  started = 0;
  /** At most how many there were at a time, with those that run steps. */
  most = 0;
  inSteps = 0;
  /** What each start waits for. */
  ready: Promise<void> = Promise.resolve();
  failing = false;

  readonly start = async (point: string, signal: AbortSignal): Promise<FakeVm> => {
    signal.throwIfAborted();
    this.started++;
    const end = new AbortController();
    const vm: FakeVm = {
      point,
      end,
      [Symbol.asyncDispose]: async () => {
        const index = this.alive.indexOf(vm);
        if (index >= 0) this.alive.splice(index, 1);
      },
    };
    this.alive.push(vm);
    this.most = Math.max(this.most, this.alive.length + this.inSteps);
    await this.ready;
    if (!this.failing) return vm;
    await vm[Symbol.asyncDispose]();
    throw new Error("no");
  };

  get points(): readonly string[] {
    return this.alive.map(({ point }) => point);
  }
}

interface FakeVm extends AsyncDisposable {
  readonly point: string;
  readonly end: AbortController;
}

let vms: FakeVms;
let logs: string[];
beforeEach(() => {
  vms = new FakeVms();
  logs = [];
});
afterEach(() => void vi.useRealTimers());

function openPool({ count, limit }: { readonly count: number; readonly limit: number }) {
  return new WarmPool<string, FakeVm>({
    count,
    limit,
    idleMs: 1_000,
    keyOf: (point) => point,
    start: vms.start,
    endOf: ({ end }) => end.signal,
    log: (text) => void logs.push(text),
  });
}

/** Waits until the VMs that are kept ready, or started, are these. */
async function settled(...points: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(vms.points.toSorted()).toEqual(points.toSorted()), testTime(5_000));
}

describe("VMs that are kept ready", () => {
  it("are for what the last step started from, and the next such step gets one", async () => {
    const pool = openPool({ count: 1, limit: 2 });
    using first = await pool.admit("a", never);
    expect(first.vm).toBeUndefined();
    await settled("a");
    using second = await pool.admit("a", never);
    expect(second.vm?.point).toBe("a");
    // Both places are taken.
    expect(pool.size).toBe(0);
    first[Symbol.dispose]();
    await vi.waitFor(() => expect(pool.size).toBe(1), testTime(5_000));
    await second.vm?.[Symbol.asyncDispose]();
    await pool[Symbol.asyncDispose]();
    expect(vms.points).toEqual([]);
  });

  it("are for the last of the starting points, as many as were counted", async () => {
    const pool = openPool({ count: 2, limit: 5 });
    for (const point of ["a", "b", "c"]) (await pool.admit(point, never))[Symbol.dispose]();
    await settled("b", "c");
    (await pool.admit("d", never))[Symbol.dispose]();
    await settled("c", "d");
    await pool[Symbol.asyncDispose]();
  });

  it("are ended before a VM is started for which there is no room", async () => {
    const pool = openPool({ count: 2, limit: 2 });
    for (const point of ["a", "b"]) (await pool.admit(point, never))[Symbol.dispose]();
    await settled("a", "b");
    using first = await pool.admit("c", never);
    expect(first.vm).toBeUndefined();
    vms.inSteps = 1;
    await settled("c");
    using second = await pool.admit(undefined, never);
    expect([second.vm, vms.points]).toEqual([undefined, []]);
    vms.inSteps = 2;
    expect(vms.most).toBe(2);
    // Beyond the limit it is the caller who decides.
    using third = await pool.admit("a", never);
    expect([third.vm, pool.size]).toEqual([undefined, 0]);
    await pool[Symbol.asyncDispose]();
  });

  it("are waited for while they start", async () => {
    const pool = openPool({ count: 1, limit: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    vms.ready = promise;
    (await pool.admit("a", never))[Symbol.dispose]();
    await settled("a");
    const next = pool.admit("a", never);
    resolve();
    using lease = await next;
    expect(lease.vm?.point).toBe("a");
    expect(vms.started).toBe(1);
    await pool[Symbol.asyncDispose]();
  });

  it("are ended if the step that waits for one is cancelled", async () => {
    const pool = openPool({ count: 1, limit: 1 });
    const { promise, resolve } = Promise.withResolvers<void>();
    vms.ready = promise;
    (await pool.admit("a", never))[Symbol.dispose]();
    await settled("a");
    const controller = new AbortController();
    const next = pool.admit("a", controller.signal);
    controller.abort(new Error("cancelled"));
    await expect(next).rejects.toThrow("cancelled");
    resolve();
    await pool[Symbol.asyncDispose]();
    expect(vms.points).toEqual([]);
  });

  it("are not started again and again if that fails, but with the next step", async () => {
    const pool = openPool({ count: 1, limit: 2 });
    vms.failing = true;
    (await pool.admit("a", never))[Symbol.dispose]();
    await vi.waitFor(() => expect(pool.size).toBe(0), testTime(5_000));
    expect(vms.started).toBe(1);
    expect(logs).toEqual(["no VM is kept ready: no"]);
    vms.failing = false;
    (await pool.admit("a", never))[Symbol.dispose]();
    await settled("a");
    await pool[Symbol.asyncDispose]();
  });

  it("are forgotten when they end by themselves", async () => {
    const pool = openPool({ count: 1, limit: 2 });
    (await pool.admit("a", never))[Symbol.dispose]();
    await vi.waitFor(() => expect(logs).toEqual(["a VM is kept ready"]), testTime(5_000));
    vms.alive[0]?.end.abort();
    await settled();
    expect(pool.size).toBe(0);
    using lease = await pool.admit("a", never);
    expect(lease.vm).toBeUndefined();
    await pool[Symbol.asyncDispose]();
  });

  it("are ended when no step has needed them for long", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const pool = openPool({ count: 1, limit: 2 });
    (await pool.admit("a", never))[Symbol.dispose]();
    while (logs.length === 0) await Promise.resolve();
    vi.advanceTimersByTime(999);
    expect(pool.size).toBe(1);
    vi.advanceTimersByTime(1);
    expect(pool.size).toBe(0);
    await pool[Symbol.asyncDispose]();
    expect(vms.points).toEqual([]);
    expect(vms.started).toBe(1);
  });

  it("are all ended with the pool, and none is started after that", async () => {
    const pool = openPool({ count: 2, limit: 3 });
    (await pool.admit("a", never))[Symbol.dispose]();
    await settled("a");
    await pool[Symbol.asyncDispose]();
    expect(vms.points).toEqual([]);
    using lease = await pool.admit("a", never);
    expect([lease.vm, pool.size, vms.started]).toEqual([undefined, 0, 1]);
  });
});
