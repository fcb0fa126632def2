import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { findProgram, type ObEvent } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { amd64 } from "../machine/amd64.ts";
import { riscv64 } from "../machine/riscv64.ts";
import { fakeQemu } from "../testing/fake-qemu.ts";
import { Confinement } from "./confinement.ts";

let stateDirectory: string;
let events: ObEvent[];
beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "confinement-"));
  events = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(stateDirectory, { recursive: true });
});

const caller = { signal: new AbortController().signal, emit: (event: ObEvent) => void events.push(event) };
const isRoot = getuid?.() === 0;
const request = () => ({
  ...{ directory: stateDirectory, program: "/usr/bin/env", hostNetwork: true, kvm: false },
});
const logged = () => events.flatMap((event) => (event.type === "log" ? [event] : []));

describe("the confinement of QEMU", () => {
  it("is nothing, without a word, where it was switched off", async () => {
    const confinement = new Confinement({ choice: "off", stateDirectory });
    const { view, command } = await confinement.forVm(request(), caller.emit);
    expect([view, command()]).toEqual([undefined, undefined]);
    expect(await confinement.removals(amd64, { keyboard: false }, caller)).toEqual([]);
    expect(logged()).toEqual([]);
  });

  it("is nothing without bubblewrap: root is warned once, others can find that in the log", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    const confinement = new Confinement({ choice: "auto", stateDirectory });
    const obstacle = "bubblewrap is not installed (on Debian or Ubuntu: sudo apt-get install bubblewrap)";
    expect(await confinement.status()).toMatchObject({ isolated: false, user: "caller", obstacle });
    for (const _ of [1, 2])
      expect((await confinement.forVm(request(), caller.emit)).command()).toBeUndefined();
    expect(logged()).toEqual([
      { type: "log", level: isRoot ? "warning" : "info", text: expect.stringContaining(obstacle) },
    ]);
  });

  it("is nothing where bubblewrap may not work: root reads what it needs, and that another user is as good", async () => {
    const programs = join(stateDirectory, "programs");
    await mkdir(programs);
    await writeFile(join(programs, "bwrap"), "#!/bin/sh\necho 'bwrap: No permissions' >&2; exit 1", {
      mode: 0o755,
    });
    vi.stubEnv("PATH", `${programs}:${process.env["PATH"]}`);
    const { isolated, obstacle } = await new Confinement({ choice: "auto", stateDirectory }).status();
    expect(isolated).toBe(false);
    expect(obstacle).toContain("bwrap: No permissions");
    if (isRoot) expect(obstacle).toMatch(/needs CAP_SYS_ADMIN, .* let another user than root build/);
  });

  it("removes devices that the guest does not need from machines that have them", async () => {
    const removals = async (version: string, keyboard: boolean) => {
      await using fake = await fakeQemu(`console.log("QEMU emulator version ${version}");`);
      vi.stubEnv("PATH", fake.path);
      return await new Confinement({ choice: "auto", stateDirectory }).removals(amd64, { keyboard }, caller);
    };
    expect(await removals("7.2.22", false)).toEqual(["vmport=off", "i8042=off"]);
    expect(await removals("10.0.2", true)).toEqual(["vmport=off"]);
    const confinement = new Confinement({ choice: "auto", stateDirectory });
    expect(await confinement.removals(riscv64, { keyboard: false }, caller)).toEqual([]);
  });
});

describe.skipIf((await findProgram("bwrap")) === undefined)("the confinement of QEMU with bubblewrap", () => {
  it("is found by a trial, and of a program that it would not see there is none", async () => {
    const confinement = new Confinement({ choice: "auto", stateDirectory });
    const status = await confinement.status();
    if (!status.isolated) return;
    expect((await confinement.forVm(request(), caller.emit)).command()?.[0]).toMatch(/bwrap$/);
    await using fake = await fakeQemu("");
    vi.stubEnv("PATH", fake.path);
    const unseen = await confinement.forVm({ ...request(), program: amd64.binary }, caller.emit);
    expect(unseen.command()).toBeUndefined();
  });
});
