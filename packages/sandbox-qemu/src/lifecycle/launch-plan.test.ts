import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ResumePoint, run, silent } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { VmConfig } from "../machine/qemu-argv.ts";
import { amd64 } from "../machine/amd64.ts";
import { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { type LaunchPlan, launchPlans } from "./launch-plan.ts";

let directory: string;
let config: VmConfig;
let templates: SnapshotStore;
const at = (name: string): string => join(directory, name);
const disk = (): string => at("disk");
const both: readonly ResumePoint[] = ["initrd", "ready"];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ways-"));
  for (const name of ["kernel", "initrd"]) await writeFile(at(name), name);
  await run(["qemu-img", "create", "-q", "-f", "qcow2", at("base"), "64M"]);
  await overlay("base", disk());
  config = {
    machine: { ...amd64, binary: "sh" },
    accelerator: "tcg",
    memoryMib: 64,
    cpus: 1,
    disks: [disk()],
    network: "none",
    directBoot: { kernel: at("kernel"), initrd: at("initrd"), commandLine: "console=ttyS0" },
    hardware: {},
  };
  templates = await SnapshotStore.open({ stateDirectory: at("state"), space: 2 ** 30, emit: silent });
});
afterEach(async () => await rm(directory, { recursive: true }));

const overlay = async (base: string, path: string): Promise<void> =>
  void (await run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path]));

const ways = (changed: Partial<VmConfig> = {}, resumes = both): AsyncGenerator<LaunchPlan> =>
  launchPlans({ ...config, ...changed }, { templates, resumes });

/** The ways that are taken when each of them fails. */
async function all(generator: AsyncGenerator<LaunchPlan>): Promise<readonly string[]> {
  const seen = [];
  for await (const way of generator) seen.push(describeWay(way));
  return seen;
}

function describeWay(way: LaunchPlan): string {
  if (way.kind === "resume") return `resume ${way.template.key.point}`;
  const points = Object.keys(way.saves).toSorted();
  return ["boot", ...(way.waits ? ["waits"] : []), ...points].join(" ");
}

/** Boots the machine as a test can: what is to be saved is files of a few bytes. */
async function firstBoot(changed: Partial<VmConfig> = {}, resumes = both): Promise<void> {
  for await (const way of ways(changed, resumes)) {
    if (way.kind !== "boot") throw new TypeError("it is booted");
    for (const key of Object.values(way.saves)) {
      await templates.save(key, async (into) => {
        for (const part of ["state", "memory"]) await writeFile(join(into, part), part);
        if (key.point === "ready") await writeFile(join(into, "disk.qcow2"), "what the guest wrote");
      });
    }
    return;
  }
}

describe("the first start on a base layer", () => {
  it("saves the machine at both points, and waits in between", async () => {
    await expect(all(ways())).resolves.toEqual(["boot waits initrd ready"]);
  });

  it("saves it where the guest can be resumed, and nowhere else", async () => {
    await expect(all(ways({}, ["ready"]))).resolves.toEqual(["boot ready"]);
    await expect(all(ways({}, ["initrd"]))).resolves.toEqual(["boot waits initrd"]);
    await expect(all(ways({}, []))).resolves.toEqual(["boot"]);
  });
});

describe("a later start", () => {
  it("resumes what was saved, with what the guest had written", async () => {
    await firstBoot();
    for await (const way of ways()) {
      expect(describeWay(way)).toBe("resume ready");
      expect(way.machine.config).toMatchObject({ memory: "resumed", disks: [disk()] });
      await expect(readFile(disk(), "utf8")).resolves.toBe("what the guest wrote");
      break;
    }
  });

  it("that fails tries the next best, with the disk as it was, and never again what failed", async () => {
    await firstBoot();
    const fresh = await readFile(disk());
    const seen = [];
    for await (const way of ways()) {
      seen.push(describeWay(way));
      if (way.kind === "boot" || way.template.key.point === "initrd") {
        expect((await readFile(disk())).equals(fresh)).toBe(true);
      }
      await writeFile(disk(), "what a guest wrote that did not work");
    }
    expect(seen).toEqual(["resume ready", "resume initrd", "boot"]);
    await writeFile(disk(), fresh);
    await expect(all(ways())).resolves.toEqual(["boot waits initrd ready"]);
  });

  it("on another layer resumes in the initrd", async () => {
    await firstBoot();
    await run(["qemu-io", "-f", "qcow2", "-c", "write 0 512", disk()]);
    await overlay(disk(), at("next"));
    await expect(all(ways({ disks: [at("next")] }))).resolves.toEqual(["resume initrd", "boot"]);
  });

  it("on another base layer boots, since a resumed machine cannot be saved", async () => {
    await firstBoot();
    await run(["qemu-img", "create", "-q", "-f", "qcow2", at("base2"), "64M"]);
    await overlay("base2", at("next"));
    await expect(all(ways({ disks: [at("next")] }))).resolves.toEqual(["boot waits ready"]);
  });

  it("with caches puts them into the machine when it runs", async () => {
    await firstBoot();
    for await (const way of ways({ disks: [disk(), "/cache1", "/cache2"] })) {
      expect(describeWay(way)).toBe("resume ready");
      expect(way.machine).toMatchObject({
        config: { disks: [disk()] },
        hotplugDisks: ["/cache1", "/cache2"],
      });
      break;
    }
  });

  it("with caches on a machine that takes none has them from the start, and is saved once for each number", async () => {
    const machine = { ...amd64, binary: "sh", hotPlug: false };
    await firstBoot({ machine });
    const disks = [disk(), "/cache1"] as const;
    await expect(all(ways({ machine, disks }))).resolves.toEqual(["boot waits initrd"]);
    await firstBoot({ machine, disks });
    for await (const way of ways({ machine, disks })) {
      expect(describeWay(way)).toBe("resume initrd");
      expect(way.machine).toMatchObject({ config: { disks }, hotplugDisks: [] });
      break;
    }
  });
});

describe("a machine is only booted", () => {
  it.each([
    ["that has no virtio disks", { hardware: { diskBus: "sata" } }],
    ["of another type", { hardware: { machine: "q35" } }],
    ["that cannot be saved whole", { machine: { ...amd64, resumable: false } }],
    ["with words of the user's", { hardware: { arguments: ["-device", "usb-ehci"] } }],
    ["that starts from its disk", { directBoot: undefined }],
  ] as const)("%s", async (_, changed) => {
    await expect(all(ways(changed))).resolves.toEqual(["boot"]);
  });

  it("that has more caches than find a slot while it runs", async () => {
    const caches = (count: number): readonly string[] =>
      Array.from({ length: count }, (_, n) => `/cache${n}`);
    await expect(all(ways({ disks: [disk(), ...caches(16)] }))).resolves.toEqual(["boot"]);
    await expect(all(ways({ disks: [disk(), ...caches(15)] }))).resolves.toEqual(["boot waits initrd ready"]);
  });

  it("whose disk is not fresh: it could not be made so again", async () => {
    await run(["qemu-io", "-f", "qcow2", "-c", "write 0 512", disk()]);
    await expect(all(ways())).resolves.toEqual(["boot"]);
  });

  it("where templates may take no space", async () => {
    templates = await SnapshotStore.open({ stateDirectory: at("state"), space: 0, emit: silent });
    await expect(all(ways())).resolves.toEqual(["boot"]);
  });

  it("while another is being saved", async () => {
    for await (const way of ways()) {
      expect(describeWay(way)).toBe("boot waits initrd ready");
      await expect(all(ways())).resolves.toEqual(["boot"]);
    }
  });
});
