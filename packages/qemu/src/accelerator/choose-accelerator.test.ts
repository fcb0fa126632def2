import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, guestArchNames, type ObEvent } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AcceleratorChoice, chooseAccelerator } from "./choose-accelerator.ts";
import { amd64 } from "../machine/amd64.ts";
import type { Machine } from "../machine/machine.ts";
import { machineFor } from "../machine/registry.ts";
import { probe } from "./probe.ts";
import { fakeQemu } from "../testing/fake-qemu.ts";

/** Native on whatever host runs the tests. */
const machine: Machine = { ...amd64, hostArch: process.arch };
const probed = guestArchNames.map(machineFor).filter((each) => each.probe !== undefined);
const found = await Promise.all(probed.map(({ binary }) => findProgram(binary)));
const installed = probed.filter((_, index) => found[index] !== undefined);
const never = new AbortController().signal;

let directory: string;
let device: string;
let said: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "accelerator-"));
  device = join(directory, "kvm");
  await writeFile(device, "");
  said = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function choose(choice: AcceleratorChoice, more: { kvmDevice?: string; machine?: Machine } = {}) {
  return await chooseAccelerator(more.machine ?? machine, {
    choice,
    stateDirectory: join(directory, "state"),
    kvmDevice: more.kvmDevice ?? device,
    timeoutMs: 25_000,
    signal: never,
    emit: (event: ObEvent) => event.type === "log" && said.push(`${event.level} ${event.text}`),
  });
}

/** A QEMU that counts its starts in a file, but for those that only ask its version. */
const counting = (body: string): string => `
if (argv[0] === "--version") { console.log("QEMU emulator version 9.9"); process.exit(0); }
fs.appendFileSync(${JSON.stringify(join(directory, "starts"))}, "x");
${body}`;

async function starts(): Promise<number> {
  return (await readFile(join(directory, "starts"), "utf8").catch(() => "")).length;
}

describe.runIf(process.platform === "linux")("the accelerator", () => {
  it("is KVM if it runs a guest, which is probed once", async () => {
    await using fake = await fakeQemu(counting(`process.exit(${amd64.probe?.exitStatus});`));
    vi.stubEnv("PATH", fake.path);
    await expect(choose("auto")).resolves.toBe("kvm");
    await expect(choose("auto")).resolves.toBe("kvm");
    await expect(starts()).resolves.toBe(1);
    expect(said).toEqual([
      "info accelerator: kvm (verified to run a guest)",
      "info accelerator: kvm (verified earlier)",
    ]);
  });

  it("is emulation if KVM fails, with QEMU's message as the reason", async () => {
    await using fake = await fakeQemu(
      counting(`console.error("qemu: failed to set MSR 0x10a"); process.exit(1);`),
    );
    vi.stubEnv("PATH", fake.path);
    await expect(choose("auto")).resolves.toBe("tcg");
    await expect(choose("auto")).resolves.toBe("tcg");
    await expect(starts()).resolves.toBe(1);
    expect(said[0]).toBe("info accelerator: tcg (kvm fails: qemu: failed to set MSR 0x10a)");
  });

  it("is probed again for another device, or if the cached result is invalid", async () => {
    await using fake = await fakeQemu(counting(`process.exit(${amd64.probe?.exitStatus});`));
    vi.stubEnv("PATH", fake.path);
    await choose("auto");
    const other = join(directory, "other");
    await writeFile(other, "");
    await choose("auto", { kvmDevice: other });
    await expect(starts()).resolves.toBe(2);
    await writeFile(join(directory, "state", "accelerator.json"), "{");
    await choose("auto", { kvmDevice: other });
    await expect(starts()).resolves.toBe(3);
  });

  it.each([
    ["an hour after it failed: the host may only have been busy", -3_600_001],
    ["if it failed at a time to come: the clock was wrong then", 1_000_000_000],
  ])("is probed again %s", async (_, later) => {
    await using fake = await fakeQemu(counting("process.exit(1);"));
    vi.stubEnv("PATH", fake.path);
    await choose("auto");
    const file = join(directory, "state", "accelerator.json");
    const cached: { time: number } = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...cached, time: cached.time + later }));
    await choose("auto");
    await expect(starts()).resolves.toBe(2);
  });

  it("is emulation without a probe if there is no device, or for a foreign architecture", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    await expect(choose("auto", { kvmDevice: join(directory, "none") })).resolves.toBe("tcg");
    await expect(choose("auto", { machine: { ...machine, hostArch: "s390x" } })).resolves.toBe("tcg");
  });

  it("is the requested one, without a probe", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    await expect(choose("tcg")).resolves.toBe("tcg");
    await expect(choose("kvm")).resolves.toBe("kvm");
  });

  it("is refused if it cannot run the guest", async () => {
    const foreign = { ...machine, hostArch: "s390x" } as const;
    await expect(choose("kvm", { machine: foreign })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  it("cannot be found without QEMU", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    await expect(choose("auto")).rejects.toMatchObject({ code: "MISSING_TOOL" });
  });
});

describe("a probe", () => {
  it("fails within its time limit if the guest hangs", async () => {
    await using fake = await fakeQemu("process.on('SIGTERM', () => undefined); setInterval(() => {}, 1000);");
    vi.stubEnv("PATH", fake.path);
    await expect(probe(machine, { accelerator: "kvm", signal: never, timeoutMs: 200 })).resolves.toEqual({
      works: false,
      why: "kvm opens, but a guest hangs",
    });
  });

  it("can be cancelled", async () => {
    await using fake = await fakeQemu("setInterval(() => {}, 1000);");
    vi.stubEnv("PATH", fake.path);
    const controller = new AbortController();
    const result = probe(machine, { accelerator: "kvm", signal: controller.signal });
    controller.abort();
    await expect(result).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("needs QEMU installed", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    await expect(probe(machine, { accelerator: "kvm", signal: never })).rejects.toMatchObject({
      code: "MISSING_TOOL",
    });
  });

  it.each(installed)("succeeds with the real QEMU under emulation: $arch", async (real) => {
    const result = probe(real, { accelerator: "tcg", signal: never, timeoutMs: 25_000 });
    await expect(result).resolves.toEqual({ works: true, why: "verified to run a guest" });
  });

  it("says where nothing verifies an accelerator", async () => {
    await expect(probe(machineFor("s390x"), { accelerator: "kvm", signal: never })).resolves.toEqual({
      works: false,
      why: "kvm cannot be verified on s390x",
    });
  });
});
