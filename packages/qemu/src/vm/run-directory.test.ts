import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noopEmit, ownedName } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hostIdentity, identityOf, isAlive, type ProcessIdentity } from "../process/process-identity.ts";
import { createRunDirectory, sweepRunDirectories } from "./run-directory.ts";

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "run-directory-"));
});
afterEach(async () => await rm(state, { recursive: true }));

const left = async (): Promise<string[]> => await readdir(join(state, "run")).catch(() => []);

async function identity(pid: number): Promise<ProcessIdentity> {
  const found = await identityOf(pid);
  if (!found) throw new Error(`no process ${pid}`);
  return found;
}

/** A process that waits until it is killed, with this argument. */
async function sleeper(argument: string) {
  const child = spawn(process.execPath, [
    "-e",
    "console.log(1); setInterval(() => {}, 1000)",
    "--",
    argument,
  ]);
  await once(child.stdout, "data");
  const closed = once(child, "close");
  return { pid: child.pid ?? 0, kill: () => child.kill("SIGKILL"), closed };
}

/** An owner that has exited. */
async function deadOwner(): Promise<ProcessIdentity> {
  const child = await sleeper("owner");
  const owner = await identity(child.pid);
  child.kill();
  await child.closed;
  return owner;
}

async function leave(name: string, contents: unknown): Promise<string> {
  const path = join(state, "run", name);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "owner.json"), JSON.stringify(contents));
  return path;
}

describe.runIf(process.platform === "linux")("a run directory", () => {
  it("records its owner and its QEMU, and is removed when it is disposed of", async () => {
    {
      await using directory = await createRunDirectory(state);
      await directory.recordQemu(process.pid);
      const record: unknown = JSON.parse(await readFile(join(directory.path, "owner.json"), "utf8"));
      expect(record).toEqual({ owner: await identity(process.pid), qemu: await identity(process.pid) });
    }
    await expect(left()).resolves.toEqual([]);
  });

  it("of a running process is left alone", async () => {
    await using directory = await createRunDirectory(state);
    await sweepRunDirectories(state, noopEmit);
    await expect(left()).resolves.toHaveLength(1);
    expect(directory.consoleLog).toContain(directory.path);
  });

  it("of a dead process is removed, and the QEMU that it left is killed", async () => {
    const path = join(state, "run", "vm-left");
    const qemu = await sleeper(`-serial file:${path}/console.log`);
    await leave("vm-left", { owner: await deadOwner(), qemu: await identity(qemu.pid) });
    await sweepRunDirectories(state, noopEmit);
    await qemu.closed;
    await expect(left()).resolves.toEqual([]);
  });

  it("of a dead process takes its control group with it, and no other directory", async () => {
    const [group, other] = [join(state, "vm-group"), join(state, "vm-other")];
    await mkdir(group);
    await mkdir(other);
    const owner = await deadOwner();
    await leave("vm-group", { owner, cgroup: group });
    await leave("vm-without", { owner, cgroup: other });
    await sweepRunDirectories(state, noopEmit);
    await expect(left()).resolves.toEqual([]);
    await expect(readdir(state)).resolves.toEqual(["run", "vm-other"]);
  });

  it("never kills another process that has the PID of a QEMU", async () => {
    const innocent = await sleeper("unrelated");
    const now = await identity(innocent.pid);
    const owner = await deadOwner();
    await leave("vm-one", { owner, qemu: now });
    await leave("vm-two", { owner, qemu: { ...now, startTime: "1" } });
    await sweepRunDirectories(state, noopEmit);
    await expect(left()).resolves.toEqual([]);
    await expect(isAlive(now)).resolves.toBe(true);
    innocent.kill();
    await innocent.closed;
  });

  it("of another container on this host is left alone, and one from before a reboot is removed", async () => {
    const host = (await hostIdentity()) ?? "";
    const [boot] = host.split(" ");
    const owner = await deadOwner();
    await leave("vm-container", { owner: { ...owner, host: `${boot} pid:[1]` } });
    await leave("vm-earlier", { owner: { ...owner, host: "another-boot pid:[1]" } });
    await sweepRunDirectories(state, noopEmit);
    await expect(left()).resolves.toEqual(["vm-container"]);
  });

  it("without a readable owner is removed when it is old, or far in the future", async () => {
    const young = await leave("vm-young", "nonsense");
    const old = await leave("vm-old", "nonsense");
    await utimes(old, new Date(0), new Date(0));
    const future = new Date(Date.UTC(2106, 1, 8));
    await utimes(await leave("vm-future", "nonsense"), future, future);
    await sweepRunDirectories(state, noopEmit);
    await expect(left()).resolves.toEqual(["vm-young"]);
    expect(young).toContain("vm-young");
  });

  it("that a killed process was making or removing is removed at once, and that of a running one is left alone", async () => {
    const name = ownedName(".part-");
    const { pid } = await deadOwner();
    await leave(name.replace(`-${process.pid}-`, `-${pid}-`), "nonsense");
    await leave(name, "nonsense");
    await sweepRunDirectories(state, noopEmit);
    await expect(left()).resolves.toEqual([name]);
  });

  it("need not exist", async () => {
    await expect(sweepRunDirectories(join(state, "nowhere"), noopEmit)).resolves.toBeUndefined();
  });
});
