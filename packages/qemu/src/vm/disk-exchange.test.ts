import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noopEmit } from "@ob/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { VmConfig } from "../argv/qemu-argv.ts";
import { riscv64 } from "../machine/riscv64.ts";
import { testDisks } from "../testing/disks.ts";
import { fakeQemu } from "../testing/fake-qemu.ts";
import { emptyDevices, fillDevices, hasDevicesFor } from "./disk-exchange.ts";
import { Vm } from "./vm.ts";

const [first, second, third] = testDisks(3);
if (!first || !second || !third) throw new TypeError("there are three disks");
const config: VmConfig = {
  machine: { ...riscv64, firmware: { disk: [], kernel: [], files: new Map() } },
  accelerator: "tcg",
  memoryMib: 64,
  cpus: 1,
  rootDisk: "/no/such/disk.qcow2",
  disks: [first, second],
  network: "none",
  directBoot: undefined,
  hardware: {},
};
const { signal } = new AbortController();
let stateDirectory: string;

beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "disk-exchange-test-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(stateDirectory, { recursive: true });
});

/** The commands that change disks, one a line, as the fake QEMU gets them. */
async function commands(test: (vm: Vm) => Promise<void>): Promise<readonly string[]> {
  const log = join(stateDirectory, "commands");
  const body = `
    const note = (name, words) => { fs.appendFileSync("${log}", [name, ...words].join(" ") + "\\n"); return {}; };
    speakQmp({ on: {
      "blockdev-add": (say, { driver, "node-name": node, size, "read-zeroes": zeroes, file }) =>
        note("add", [driver, node, ...(driver === "null-co" ? [size, zeroes] : [file.filename])]),
      "blockdev-del": (say, { "node-name": node }) => note("del", [node]),
      "qom-set": (say, { path, property, value }) => note("set", [path, property, value]),
    } });`;
  await using fake = await fakeQemu(body, "qemu-system-riscv64");
  vi.stubEnv("PATH", fake.path);
  await using vm = await Vm.start(config, { stateDirectory, panic: /panic/, signal, emit: noopEmit });
  await test(vm);
  return (await readFile(log, "utf8")).trimEnd().split("\n");
}

it("disks are taken from their devices, which get an empty one that shows nothing of QEMU's memory, and then closed", async () => {
  expect(await commands(async (vm) => await emptyDevices(vm, [first, second], signal))).toEqual([
    ...["add null-co disk1-empty 0 true", "set /machine/peripheral/disk1 drive disk1-empty", "del disk1"],
    ...["add null-co disk2-empty 0 true", "set /machine/peripheral/disk2 drive disk2-empty", "del disk2"],
  ]);
});

it("devices get other disks in the place of the empty ones", async () => {
  const other = { ...first, file: "/another.qcow2" };
  expect(await commands(async (vm) => await fillDevices(vm, [other], signal))).toEqual([
    ...["add qcow2 disk1 /another.qcow2", "set /machine/peripheral/disk1 drive disk1", "del disk1-empty"],
  ]);
});

it("only a virtual machine that was started with a device for each disk can take them", () => {
  expect(hasDevicesFor(config, [])).toBe(true);
  expect(hasDevicesFor(config, [first, second])).toBe(true);
  expect(hasDevicesFor(config, [first, second, third])).toBe(false);
  expect(hasDevicesFor(config, [{ ...first, serial: "another" }])).toBe(false);
  expect(hasDevicesFor({ ...config, hardware: { diskBus: "sata" } }, [first])).toBe(false);
});
