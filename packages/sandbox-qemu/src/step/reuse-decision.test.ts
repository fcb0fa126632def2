import { ObError, type SandboxStep } from "@ob/core";
import { amd64, autoSlotDisks, type Vm } from "@ob/qemu";
import { describe, expect, it } from "vitest";
import { cacheDisks } from "../guest/cache-disk.ts";
import type { GuestConnection } from "../guest/guest-command.ts";
import type { Baseline, ParsedBaseline } from "../guest/profile.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import { runTask } from "../testing/run-task.ts";
import { canExchangeCaches, releaseCaches } from "./reused-caches.ts";
import { captureBaseline, decideReuse, mayRestart } from "./vm-reuse.ts";

const { signal } = new AbortController();

interface GuestOptions {
  /** What the guest's report of its state is read as. */
  readonly report?: string;
  /** The report that is kept beside the snapshot that the VM was resumed from. Null: there is no snapshot. */
  readonly stored?: string | null;
  readonly diskBus?: "virtio" | "sata";
  readonly hotPlug?: boolean;
  readonly shell?: "open" | "closed" | "none";
  readonly supported?: boolean;
  /** True if files were made in memory since the VM was started. */
  readonly hasNewFiles?: boolean;
}

/** A baseline that tells where it comes from. */
interface NamedBaseline extends Baseline {
  readonly from: string;
}

/** A simulated guest whose reports are one word: `refused` is one that cannot be compared, `garbage` one of another version. */
function guestWith(options: GuestOptions) {
  const {
    report = "captured",
    stored = null,
    diskBus,
    hotPlug = true,
    shell = "open",
    supported = true,
  } = options;
  const startedAt = new Date(0);
  const written: string[] = [];
  const captured: string[] = [];
  const baselineOf = (from: string): NamedBaseline => ({
    from,
    resetAndFlush: () => {
      throw new TypeError("nothing is reset here");
    },
    withClock: (output: string) => baselineOf(`${from}, clock of ${output}`),
    hasFilesNewerThan: (since: Date) => options.hasNewFiles === true && since === startedAt,
    diff: () => undefined,
  });
  const parseBaseline = (text: string): ParsedBaseline =>
    text === "refused" || text === "garbage"
      ? { kind: "refused", reason: `the guest says ${text}` }
      : { kind: "baseline", baseline: baselineOf(text) };
  const vmReuse = {
    captureBaseline: (bootInfo: string) => {
      captured.push(bootInfo);
      return { phase: "boot", purpose: "report", command: "report", script: "report", failure: "GUEST_LOST" };
    },
    parseBaseline,
  };
  const rootShell = {
    isOpen: shell === "open",
    run: () => Promise.resolve({ status: { kind: "exited", code: 0 }, stdout: report, stderr: "" }),
  };
  const running = {
    vm: { config: { machine: { ...amd64, hotPlug }, hardware: { diskBus } } },
    profile: { vmReuse: supported ? vmReuse : undefined, rootShell: {} },
    shell: shell === "none" ? undefined : rootShell,
    bootInfo: "boot info",
    startedAt,
    baselineFile:
      stored === null
        ? undefined
        : {
            read: () => Promise.resolve(stored === "" ? undefined : stored),
            write: (text: string) => Promise.resolve(void written.push(text)),
          },
  } as unknown as GuestSession;
  const connection = { shell: rootShell, signal } as unknown as GuestConnection;
  return { running, connection, vmReuse, written, captured, baselineOf };
}

const caches = (count: number) =>
  cacheDisks(Array.from({ length: count }, (_, index) => ({ disk: `/${index}`, target: `/c${index}` })));
const keeping = { keepVm: true, task: runTask() } as unknown as SandboxStep;

async function decide(
  options: GuestOptions,
  { step = keeping, count = 0, baseline }: { step?: SandboxStep; count?: number; baseline?: Baseline } = {},
) {
  const guest = guestWith(options);
  const { running, connection } = guest;
  const decision = await decideReuse(running, { step, connection, caches: caches(count), baseline });
  const from = decision.kind === "keep" && "from" in decision.baseline ? decision.baseline.from : undefined;
  return { decision, from, ...guest };
}

describe("a virtual machine", () => {
  it("is stopped without a reason if the step did not ask to keep it", async () => {
    for (const keepVm of [undefined, false]) {
      const step = { ...keeping, keepVm } as SandboxStep;
      expect((await decide({}, { step })).decision).toEqual({ kind: "stop", reason: undefined });
    }
  });

  it("is stopped for what the step does, whatever the guest reports", async () => {
    const step = { ...keeping, task: runTask({ network: "host" }) } as SandboxStep;
    const { decision, captured } = await decide({}, { step });
    expect(decision).toEqual({ kind: "stop", reason: "the step had a network" });
    expect(captured).toEqual([]);
  });

  it("is stopped if its caches cannot be taken from it while it runs", async () => {
    expect((await decide({ hotPlug: false }, { count: 1 })).decision).toEqual({
      kind: "stop",
      reason: "machine cannot hot-unplug disks",
    });
    expect((await decide({ hotPlug: false })).decision.kind).toBe("keep");
  });

  it("keeps the baseline of the step before, and asks the guest nothing", async () => {
    const baseline = guestWith({}).baselineOf("step before");
    const { from, captured } = await decide({ shell: "none" }, { baseline });
    expect(from).toBe("step before");
    expect(captured).toEqual([]);
  });

  it("is stopped if its guest's profile knows no reuse, with a baseline and without", async () => {
    const baseline = guestWith({}).baselineOf("step before");
    const reason = "not supported by the guest OS";
    expect((await decide({ supported: false }, { baseline })).decision).toEqual({ kind: "stop", reason });
    expect((await decide({ supported: false })).decision).toEqual({ kind: "stop", reason });
  });

  it("is stopped without an open root shell", async () => {
    for (const shell of ["closed", "none"] as const) {
      const expected = { kind: "stop", reason: "no persistent root shell" };
      expect((await decide({ shell })).decision).toEqual(expected);
    }
  });

  it("is stopped if its root disk is not virtio; by default it is", async () => {
    expect((await decide({ diskBus: "sata" })).decision).toEqual({
      kind: "stop",
      reason: "root disk is not virtio",
    });
    expect((await decide({ diskBus: "virtio" })).decision.kind).toBe("keep");
  });

  it("is stopped if the guest's state cannot be compared, and says so without the guest's words", async () => {
    expect((await decide({ report: "refused" })).decision).toEqual({
      kind: "stop",
      reason: "the guest says refused",
      ownReason: "the state of the guest cannot be compared",
    });
  });
});

describe("the baseline of a virtual machine", () => {
  it("is what its guest reports, with what it said when it booted", async () => {
    const { decision, from, captured, vmReuse } = await decide({});
    expect(from).toBe("captured");
    expect(captured).toEqual(["boot info"]);
    expect(decision).toMatchObject({ kind: "keep", vmReuse });
  });

  it("is that of its snapshot, with a clock of its own, if there is one", async () => {
    const { from, captured, written } = await decide({ stored: "stored" });
    expect(from).toBe("stored, clock of boot info");
    expect([captured, written]).toEqual([[], []]);
  });

  it("is written beside a snapshot that has none, or one of another version", async () => {
    for (const stored of ["", "garbage"]) {
      const { from, written } = await decide({ stored });
      expect(from).toBe("captured");
      expect(written).toEqual(["captured"]);
    }
  });

  it("is not written beside a snapshot if other VMs do not have the same", async () => {
    expect((await decide({ stored: "" }, { count: 1 })).written).toEqual([]);
    expect((await decide({ stored: "", hasNewFiles: true })).written).toEqual([]);
  });

  it("is not kept of a guest that refuses to be compared", async () => {
    expect((await decide({ stored: "", report: "refused" })).written).toEqual([]);
  });

  it("is captured without a step, too", async () => {
    const { running, connection } = guestWith({});
    expect((await captureBaseline(running, { connection, caches: [] })).kind).toBe("keep");
  });
});

describe("the caches of a step", () => {
  it("can be taken from a running machine up to as many as it finds slots for", () => {
    const { running } = guestWith({});
    expect(canExchangeCaches(running, caches(0))).toBe(true);
    expect(canExchangeCaches(running, caches(autoSlotDisks - 1))).toBe(true);
    expect(canExchangeCaches(running, caches(autoSlotDisks))).toBe(false);
    const fixed = guestWith({ hotPlug: false }).running;
    expect([0, 1].map((count) => canExchangeCaches(fixed, caches(count)))).toEqual([true, false]);
  });

  /** A VM whose guest releases its disks, or which ends with an error. */
  function vmThat(releases: ObError | "releases", { releasing }: { readonly releasing?: string } = {}) {
    let listen: Parameters<Vm["onEvent"]>[0] = () => undefined;
    const hidden: string[] = [];
    const { running, connection } = guestWith({});
    const vm = {
      config: running.vm.config,
      failed: signal,
      onEvent: (listener: typeof listen) => {
        listen = listener;
        return { [Symbol.dispose]: () => undefined };
      },
      qmp: {
        execute: (name: string, { arguments: { id } }: { arguments: { id?: string } }) => {
          const isReleased = releasing === undefined || id === undefined || id === releasing;
          if (releases !== "releases" && !(releasing !== undefined && isReleased))
            return Promise.reject(releases);
          if (name === "device_del") listen({ name: "DEVICE_DELETED", data: { device: id } });
          return Promise.resolve({});
        },
      },
      hideDisk: (file: string) => void hidden.push(file),
    } as unknown as Vm;
    const release = (count: number) =>
      releaseCaches(
        { vm, profile: running.profile },
        { caches: caches(count), connection: { ...connection, signal } },
      );
    return { release, hidden };
  }

  it("are taken from the machine, and hidden from it", async () => {
    const { release, hidden } = vmThat("releases");
    expect(await release(1)).toBeUndefined();
    expect(hidden).toEqual(["/0"]);
  });

  it("end the reuse of a machine that does not release them, and name the first", async () => {
    const { release } = vmThat(new ObError("TOOL_FAILED", "It did not."));
    expect(await release(2)).toBe("the guest did not release the cache at /c0");
  });

  it("end the reuse of a machine that releases the first only", async () => {
    const { release } = vmThat(new ObError("TOOL_FAILED", "It did not."), { releasing: "disk1" });
    expect(await release(2)).toBe("the guest did not release the cache at /c1");
  });

  it("are an error if the guest is lost", async () => {
    const { release } = vmThat(new ObError("GUEST_LOST", "It is gone."));
    await expect(release(1)).rejects.toMatchObject({ code: "GUEST_LOST" });
  });
});

describe("the guest of a step", () => {
  it("may restart only if its command says so", () => {
    const copy = { kind: "copy", user: undefined, openArchive: () => process.stdin } as const;
    expect(mayRestart({ task: runTask({ mayRestart: true }) })).toBe(true);
    expect(mayRestart({ task: runTask({ mayRestart: false }) })).toBe(false);
    expect(mayRestart({ task: runTask() })).toBe(false);
    expect(mayRestart({ task: { ...copy, mayRestart: true } as SandboxStep["task"] })).toBe(false);
  });
});
