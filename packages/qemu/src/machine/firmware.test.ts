import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { assertFirmware } from "./firmware.ts";
import type { Machine } from "./machine.ts";
import { riscv64 } from "./riscv64.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "firmware-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A machine whose firmware is in the test's directory. */
function machineWith(file: string): Machine {
  const firmware = { disk: [["-bios", file]], kernel: [], files: new Map([[file, "opensbi"]]) } as const;
  return { ...riscv64, firmware };
}

it("names the package of firmware that is not installed", async () => {
  const file = join(directory, "fw_jump.bin");
  const machine = machineWith(file);
  await expect(assertFirmware(machine, machine.firmware.disk)).rejects.toMatchObject({
    code: "MISSING_TOOL",
    message: `The firmware ${file} of riscv64 guests is not installed.`,
    hint: "On Debian or Ubuntu: sudo apt-get install opensbi",
  });
});

it("accepts firmware that is installed, and ignores what is not loaded", async () => {
  const file = join(directory, "fw_jump.bin");
  const machine = machineWith(file);
  await assertFirmware(machine, machine.firmware.kernel);
  await writeFile(file, "");
  await assertFirmware(machine, machine.firmware.disk);
});
