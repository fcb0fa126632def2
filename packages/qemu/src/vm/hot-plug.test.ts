import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noopEmit } from "@ob/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { VmConfig } from "../argv/qemu-argv.ts";
import { attachDisks, attachDisk, supportsHotplug } from "./hot-plug.ts";
import { amd64 } from "../machine/amd64.ts";
import { machineFor } from "../machine/registry.ts";
import { riscv64 } from "../machine/riscv64.ts";
import { testDisks } from "../testing/disks.ts";
import { fakeQemu } from "../testing/fake-qemu.ts";
import { Vm } from "./vm.ts";

const config: VmConfig = {
  machine: amd64,
  accelerator: "tcg",
  memoryMib: 64,
  cpus: 1,
  rootDisk: "/no/such/disk.qcow2",
  disks: [],
  network: "none",
  directBoot: undefined,
  hardware: {},
};
const disk = { node: "scratch", file: "/scratch.qcow2", format: "qcow2", serial: "scratch-001" } as const;
const { signal } = new AbortController();
let stateDirectory: string;

beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "hot-plug-test-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(stateDirectory, { recursive: true });
});

async function withFake(body: string, test: (vm: Vm) => Promise<void>): Promise<void> {
  await using fake = await fakeQemu(body);
  vi.stubEnv("PATH", fake.path);
  await using vm = await Vm.start(config, { stateDirectory, panic: /panic/, signal, emit: noopEmit });
  await test(vm);
}

it("a disk is closed only after QEMU has reported that it was released", async () => {
  const body = `
    let released = false;
    speakQmp({ on: {
      device_del: (say) => setTimeout(() => {
        say({ event: "DEVICE_DELETED", data: { path: "/machine/peripheral/scratch/virtio-backend" } });
        say({ event: "DEVICE_DELETED", data: { device: "another" } });
        setTimeout(() => {
          released = true;
          say({ event: "DEVICE_DELETED", data: { device: "scratch" } });
        }, 10);
      }, 10) && {},
      "blockdev-del": () => released ? {} : process.exit(3),
    } });`;
  await withFake(body, async (vm) => {
    const attached = await attachDisk(vm, disk, signal);
    await expect(attached.detach(signal)).resolves.toBeUndefined();
  });
});

it("disks are attached in their order", async () => {
  const log = join(stateDirectory, "commands");
  const body = `
    speakQmp({ on: {
      "blockdev-add": (say, { "node-name": node }) => fs.appendFileSync("${log}", "add " + node + "\\n") && {},
      device_add: (say, { id, serial }) => fs.appendFileSync("${log}", id + " " + serial + "\\n") && {},
    } });`;
  await withFake(body, async (vm) => {
    await attachDisks(vm, testDisks(3), signal);
    const devices = (await readFile(log, "utf8")).split("\n").filter((line) => line.startsWith("disk"));
    expect(devices).toEqual(["disk1 serial-001", "disk2 serial-002", "disk3 serial-003"]);
  });
});

it("a VM that fails while a disk is being released is reported at once", async () => {
  await withFake(`speakQmp({ on: { device_del: () => process.exit(3) } });`, async (vm) => {
    const attached = await attachDisk(vm, disk, signal);
    await expect(attached.detach(signal)).rejects.toMatchObject({ code: "GUEST_LOST" });
  });
});

it("only machines that are known to support hot-plug are used for it", () => {
  expect(supportsHotplug(config)).toBe(true);
  expect(supportsHotplug({ ...config, hardware: { machine: "q35" } })).toBe(false);
  expect(supportsHotplug({ ...config, hardware: { diskBus: "sata" } })).toBe(false);
  expect(supportsHotplug({ ...config, machine: riscv64 })).toBe(false);
  expect(supportsHotplug({ ...config, machine: machineFor("i386") })).toBe(false);
});
