import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileIdentity } from "@ob/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { amd64, type VmConfig } from "@ob/qemu";
import { testCaches } from "../testing/caches.ts";
import { type KeyOptions, snapshotKey } from "./snapshot-key.ts";

let directory: string;
let config: VmConfig;
const inInitrd: KeyOptions = { point: "initrd", disk: undefined };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "snapshot-key-"));
  for (const name of ["kernel", "initrd", "layer"]) await writeFile(join(directory, name), name);
  config = {
    // A program that every host has: the tests need no QEMU.
    machine: { ...amd64, binary: "sh" },
    accelerator: "tcg",
    memoryMib: 64,
    cpus: 1,
    rootDisk: "/store/disk",
    disks: [],
    network: "none",
    directBoot: { kernel: join(directory, "kernel"), initrd: join(directory, "initrd"), commandLine: "a" },
    hardware: {},
  };
});
afterEach(async () => await rm(directory, { recursive: true }));

const nameOf = async (changed: Partial<VmConfig> = {}, options = inInitrd): Promise<string | undefined> =>
  (await snapshotKey({ ...config, ...changed }, options))?.name;

it("a VM may have any root disk, network and memory backend", async () => {
  const name = await nameOf();
  await expect(nameOf({ rootDisk: "/another/disk" })).resolves.toBe(name);
  await expect(nameOf({ network: "passt" })).resolves.toBe(name);
  await expect(nameOf({ memory: "resumed" })).resolves.toBe(name);
});

it("anything else that differs makes another key", async () => {
  const { directBoot } = config;
  if (!directBoot) throw new TypeError("the machine has a kernel");
  const layer = await fileIdentity(join(directory, "layer"));
  const disk = { layers: [layer], backing: "../layer", virtualSize: 1 };
  const ready: KeyOptions = { point: "ready", disk };
  const names = [
    await nameOf(),
    await nameOf({ memoryMib: 65 }),
    await nameOf({ cpus: 2 }),
    await nameOf({ accelerator: "kvm" }),
    await nameOf({ disks: testCaches(1) }),
    await nameOf({ hardware: { cpu: "max" } }),
    await nameOf({ hardware: { machine: "q35" } }),
    await nameOf({ cdrom: true }),
    await nameOf({ machine: { ...config.machine, binary: "cat" } }),
    await nameOf({ directBoot: { ...directBoot, commandLine: "b" } }),
    await nameOf({}, ready),
    await nameOf({}, { point: "ready", disk: { ...disk, layers: [layer, layer] } }),
    await nameOf({}, { point: "ready", disk: { ...disk, virtualSize: 2 } }),
    await nameOf({}, { point: "ready", disk: { ...disk, backing: "../../layer" } }),
  ];
  expect(new Set(names).size).toBe(names.length);
});

it("a file that is written again keeps the key, and is another by its contents", async () => {
  const before = await snapshotKey(config, inInitrd);
  await writeFile(join(directory, "kernel"), "another");
  const after = await snapshotKey(config, inInitrd);
  expect(after?.name).toBe(before?.name);
  expect(after?.contents[0]).not.toStrictEqual(before?.contents[0]);
  expect(after?.contents[1]).toStrictEqual(before?.contents[1]);
});

it("a base layer that is written again keeps the key; a layer on another one does not, nor on one that is written again", async () => {
  const file = join(directory, "layer");
  const nameOn = async (...others: readonly string[]) => {
    const layers = await Promise.all([file, ...others].map(fileIdentity));
    return await nameOf({}, { point: "ready", disk: { layers, backing: "../layer", virtualSize: 1 } });
  };
  const below = join(directory, "kernel");
  const before = [await nameOn(), await nameOn(below)];
  await writeFile(file, "again");
  const later = [await nameOn(), await nameOn(below)];
  expect(later[0]).toBe(before[0]);
  await writeFile(below, "again");
  expect(new Set([...before, ...later, await nameOn(below)]).size).toBe(4);
});

it("a VM whose kernel is missing has no key", async () => {
  await rm(join(directory, "kernel"));
  await expect(nameOf()).resolves.toBeUndefined();
});
