import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SnapshotPoint, run, noopEmit } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { amd64, type VmConfig } from "@ob/qemu";
import type { SnapshotKey } from "../snapshot/snapshot-key.ts";
import { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { testCaches } from "../testing/caches.ts";
import { type LaunchPlan, launchPlans } from "./launch-plan.ts";

let directory: string;
let config: VmConfig;
let snapshots: SnapshotStore;
const at = (name: string): string => join(directory, name);
const disk = (): string => at("disk");
const both: readonly SnapshotPoint[] = ["initrd", "ready"];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "launch-plan-"));
  for (const name of ["kernel", "initrd"]) await writeFile(at(name), name);
  await run(["qemu-img", "create", "-q", "-f", "qcow2", at("base"), "64M"]);
  await overlay("base", disk());
  config = {
    machine: { ...amd64, binary: "sh" },
    accelerator: "tcg",
    memoryMib: 64,
    cpus: 1,
    rootDisk: disk(),
    disks: [],
    network: "none",
    directBoot: { kernel: at("kernel"), initrd: at("initrd"), commandLine: "console=ttyS0" },
    hardware: {},
  };
  snapshots = await SnapshotStore.open({ stateDirectory: at("state"), space: 2 ** 30, emit: noopEmit });
});
afterEach(async () => {
  // They are published in the background.
  await snapshots[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const overlay = async (base: string, path: string): Promise<void> =>
  void (await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path]));

const plans = (changed: Partial<VmConfig> = {}, snapshotPoints = both): AsyncGenerator<LaunchPlan> =>
  launchPlans({ ...config, ...changed }, { snapshots, snapshotPoints });

/** The plans that are tried if each of them fails. */
async function all(generator: AsyncGenerator<LaunchPlan>): Promise<readonly string[]> {
  const seen = [];
  for await (const plan of generator) seen.push(describePlan(plan));
  return seen;
}

function describePlan(plan: LaunchPlan): string {
  if (plan.kind === "resume") {
    const taken = plan.snapshotToTake ? [plan.snapshotToTake.point] : [];
    return ["resume", plan.snapshot.key.point, ...taken.map((point) => `taking ${point}`)].join(" ");
  }
  const points = Object.keys(plan.snapshotsToTake).toSorted();
  return ["boot", ...(plan.pauseInInitrd ? ["paused"] : []), ...points].join(" ");
}

async function save(key: SnapshotKey): Promise<void> {
  const write = async (into: string): Promise<void> => {
    for (const part of ["state", "memory"]) await writeFile(join(into, part), part);
    if (key.point === "ready") await writeFile(join(into, "disk.qcow2"), "what the guest wrote");
  };
  await snapshots.save(key, { costMs: 1, write });
}

/** Stands for a boot: the snapshots are files of a few bytes. */
async function firstBoot(changed: Partial<VmConfig> = {}, snapshotPoints = both): Promise<void> {
  for await (const plan of plans(changed, snapshotPoints)) {
    if (plan.kind !== "boot") throw new TypeError("the plan is not a boot");
    for (const key of Object.values(plan.snapshotsToTake)) {
      await save(key);
    }
    return;
  }
}

describe("the first start on a base layer", () => {
  it("takes snapshots at both points, and pauses in the initrd", async () => {
    await expect(all(plans())).resolves.toEqual(["boot paused initrd ready"]);
  });

  it("takes snapshots only at the points where the guest can be resumed", async () => {
    await expect(all(plans({}, ["ready"]))).resolves.toEqual(["boot ready"]);
    await expect(all(plans({}, ["initrd"]))).resolves.toEqual(["boot paused initrd"]);
    await expect(all(plans({}, []))).resolves.toEqual(["boot"]);
  });

  it("takes none in an initrd that there is not: of a guest that boots from its disk only when it is ready", async () => {
    const { directBoot } = config;
    const withoutInitrd = directBoot && { ...directBoot, initrd: undefined };
    for (const changed of [{ directBoot: undefined }, { directBoot: withoutInitrd }]) {
      await expect(all(plans(changed))).resolves.toEqual(["boot ready"]);
      await expect(all(plans(changed, ["initrd"]))).resolves.toEqual(["boot"]);
    }
  });
});

describe("a later start", () => {
  it("resumes the snapshot, with the disk as the guest had written it", async () => {
    await firstBoot();
    for await (const plan of plans()) {
      expect(describePlan(plan)).toBe("resume ready");
      expect(plan.machine.config).toMatchObject({ memory: "resumed", rootDisk: disk() });
      await expect(readFile(disk(), "utf8")).resolves.toBe("what the guest wrote");
      break;
    }
  });

  it("that fails tries the next plan with the disk restored, and never again the snapshot that failed", async () => {
    await firstBoot();
    const fresh = await readFile(disk());
    const seen = [];
    for await (const plan of plans()) {
      seen.push(describePlan(plan));
      if (plan.kind === "boot" || plan.snapshot.key.point === "initrd") {
        expect((await readFile(disk())).equals(fresh)).toBe(true);
      }
      await writeFile(disk(), "what a guest wrote that did not work");
    }
    expect(seen).toEqual(["resume ready", "resume initrd", "boot"]);
    await writeFile(disk(), fresh);
    await expect(all(plans())).resolves.toEqual(["boot paused initrd ready"]);
  });

  it("on another layer resumes in the initrd", async () => {
    await firstBoot();
    await run(["qemu-io", "-f", "qcow2", "-c", "write 0 512", disk()]);
    await overlay(disk(), at("next"));
    await expect(all(plans({ rootDisk: at("next") }))).resolves.toEqual(["resume initrd", "boot"]);
  });

  it("on another base layer resumes in the initrd, and takes a snapshot when it is ready", async () => {
    await firstBoot();
    await run(["qemu-img", "create", "-q", "-f", "qcow2", at("base2"), "64M"]);
    await overlay("base2", at("next"));
    const found = await all(plans({ rootDisk: at("next") }));
    expect(found).toEqual(["resume initrd taking ready", "boot paused ready"]);
  });

  it("with caches takes the snapshot before they are attached", async () => {
    await firstBoot({}, ["initrd"]);
    for await (const plan of plans({ disks: testCaches(1) })) {
      expect(describePlan(plan)).toBe("resume initrd taking ready");
      expect(plan.machine).toMatchObject({ config: { memory: "restored", disks: [] } });
      break;
    }
  });

  it("with caches attaches them to the running VM", async () => {
    await firstBoot();
    for await (const plan of plans({ disks: testCaches(2) })) {
      expect(describePlan(plan)).toBe("resume ready");
      expect(plan.machine).toMatchObject({
        config: { rootDisk: disk(), disks: [] },
        hotplugDisks: testCaches(2),
      });
      break;
    }
  });

  it("with caches on a machine without hot-plug has them from the start, and a snapshot for each number of caches", async () => {
    const machine = { ...amd64, binary: "sh", hotPlug: false };
    await firstBoot({ machine });
    const disks = testCaches(1);
    await expect(all(plans({ machine, disks }))).resolves.toEqual(["boot paused initrd"]);
    await firstBoot({ machine, disks });
    for await (const plan of plans({ machine, disks })) {
      expect(describePlan(plan)).toBe("resume initrd");
      expect(plan.machine).toMatchObject({ config: { disks }, hotplugDisks: [] });
      break;
    }
  });
});

describe("the first step of a stage on any other layer", () => {
  const first = (changed: Partial<VmConfig> = {}): AsyncGenerator<LaunchPlan> =>
    launchPlans(
      { ...config, rootDisk: at("next"), ...changed },
      { snapshots, snapshotPoints: both, savesLayer: true },
    );
  beforeEach(async () => {
    await firstBoot();
    await overlay("base", at("layer"));
    await run(["qemu-io", "-f", "qcow2", "-c", "write 0 512", at("layer")]);
    await overlay("layer", at("next"));
  });
  const saveLayer = async (): Promise<void> => {
    for await (const plan of first()) {
      if (plan.kind === "resume" && plan.snapshotToTake) await save(plan.snapshotToTake);
      return;
    }
  };

  it("takes a snapshot when it is ready, from which later starts are resumed", async () => {
    for await (const plan of first()) {
      expect(describePlan(plan)).toBe("resume initrd taking ready");
      expect(plan.machine.config.memory).toBe("restored");
      break;
    }
    await saveLayer();
    await expect(all(plans({ rootDisk: at("next") }))).resolves.toEqual([
      "resume ready",
      "resume initrd",
      "boot",
    ]);
  });

  it("takes no snapshot with a network, but is resumed from one", async () => {
    for await (const plan of first({ network: "slirp" })) {
      expect(describePlan(plan)).toBe("resume initrd");
      break;
    }
    await saveLayer();
    for await (const plan of first({ network: "slirp" })) {
      expect(describePlan(plan)).toBe("resume ready");
      break;
    }
  });

  it.each(["layer", "base"])("is not resumed after the %s was replaced by other bytes", async (replaced) => {
    await saveLayer();
    await run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 512", at(replaced)]);
    await expect(all(plans({ rootDisk: at("next") }))).resolves.toEqual(["resume initrd", "boot"]);
  });

  it("is not resumed after its layer was written again, though with the same bytes", async () => {
    await saveLayer();
    await writeFile(at("layer"), await readFile(at("layer")));
    await expect(all(plans({ rootDisk: at("next") }))).resolves.toEqual(["resume initrd", "boot"]);
  });
});

describe("a VM is only booted", () => {
  it.each([
    ["with disks that are not virtio", { hardware: { diskBus: "sata" } }],
    ["of another machine type", { hardware: { machine: "q35" } }],
    ["of a machine that cannot be resumed", { machine: { ...amd64, resumable: false } }],
    [
      "of a machine that this QEMU does not save completely",
      {
        machine: { ...amd64, resumable: [{ from: { major: 10, minor: 2 } }] },
        version: { major: 10, minor: 1, patch: 9 },
      },
    ],
    ["with QEMU arguments of the user", { hardware: { arguments: ["-device", "usb-ehci"] } }],
  ] as const)("%s", async (_, changed) => {
    await expect(all(plans(changed))).resolves.toEqual(["boot"]);
  });

  it("with more caches than find a slot while it runs", async () => {
    await expect(all(plans({ disks: testCaches(16) }))).resolves.toEqual(["boot"]);
    await expect(all(plans({ disks: testCaches(15) }))).resolves.toEqual(["boot paused initrd ready"]);
  });

  it("whose disk is not fresh: it could not be restored", async () => {
    await run(["qemu-io", "-f", "qcow2", "-c", "write 0 512", disk()]);
    await expect(all(plans())).resolves.toEqual(["boot"]);
  });

  it("if snapshots may take no space", async () => {
    snapshots = await SnapshotStore.open({ stateDirectory: at("state"), space: 0, emit: noopEmit });
    await expect(all(plans())).resolves.toEqual(["boot"]);
  });

  it("while another one is taking the snapshots", async () => {
    for await (const plan of plans()) {
      expect(describePlan(plan)).toBe("boot paused initrd ready");
      await expect(all(plans())).resolves.toEqual(["boot"]);
    }
  });
});
