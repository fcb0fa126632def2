import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findCgroup, openCgroup } from "./host-cgroup.ts";
import { limitsFor, makeCgroup } from "./vm-cgroup.ts";

/** What looks like the kernel's files: it has their names and contents, but none of their effects. */
let files: { readonly root: string; readonly proc: string };
let scope: string;
beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), "cgroup-"));
  files = { root: join(directory, "cgroup"), proc: join(directory, "proc") };
  scope = join(files.root, "user.slice/run-1.scope");
  await mkdir(scope, { recursive: true });
  await mkdir(join(files.proc, "self"), { recursive: true });
  await writeFile(join(files.root, "cgroup.controllers"), "cpu memory pids\n");
  await writeFile(join(files.proc, "self/cgroup"), "0::/user.slice/run-1.scope\n");
  await writeScope({});
});
afterEach(async () => {
  await rm(join(files.root, ".."), { recursive: true });
});

async function writeScope({ controllers = "cpu memory pids", pids = [process.pid] as readonly number[] }) {
  await writeFile(join(scope, "cgroup.controllers"), `${controllers}\n`);
  await writeFile(join(scope, "cgroup.subtree_control"), "\n");
  await writeFile(join(scope, "cgroup.procs"), pids.map((pid) => `${pid}\n`).join(""));
}

async function newProcess(pid: number, parent: number): Promise<void> {
  await mkdir(join(files.proc, String(pid)));
  await writeFile(join(files.proc, String(pid), "status"), `Name:\tx\nPid:\t${pid}\nPPid:\t${parent}\n`);
}

describe("the control group of this process", () => {
  it("is made ready for groups of VMs: the process moves below it, and the controllers are enabled", async () => {
    expect(await findCgroup(files)).toEqual({ directory: scope });
    expect(existsSync(join(scope, "obuilder"))).toBe(false);
    expect(await openCgroup(files)).toEqual({ directory: scope });
    expect(await readFile(join(scope, "obuilder/cgroup.procs"), "utf8")).toBe(String(process.pid));
    expect(await readFile(join(scope, "cgroup.subtree_control"), "utf8")).toBe("+memory +pids");
  });

  it("is the one above, for a process that was started in that of another obuilder", async () => {
    await writeFile(join(files.proc, "self/cgroup"), "0::/user.slice/run-1.scope/obuilder\n");
    await writeScope({ pids: [] });
    expect(await findCgroup(files)).toEqual({ directory: scope });
  });

  it("is left alone if it has processes that this one has not started", async () => {
    await newProcess(4_000_001, process.pid);
    await newProcess(4_000_002, 4_000_001);
    await writeScope({ pids: [process.pid, 4_000_002] });
    expect(await findCgroup(files)).toEqual({ directory: scope });
    await newProcess(4_000_003, 1);
    for (const stranger of [4_000_003, 0, 4_000_004]) {
      await writeScope({ pids: [process.pid, stranger] });
      expect(await openCgroup(files)).toEqual({ obstacle: expect.stringContaining("other processes") });
    }
    expect(existsSync(join(scope, "obuilder"))).toBe(false);
  });

  it("is of no use without controllers, or on a host of version 1", async () => {
    await writeScope({ controllers: "cpu memory" });
    expect(await findCgroup(files)).toEqual({ obstacle: expect.stringContaining("no controller of pids") });
    await writeFile(join(files.proc, "self/cgroup"), "9:pids:/x\n");
    expect(await findCgroup(files)).toEqual({ obstacle: "this host has no control groups of version 2" });
    await rm(join(files.proc, "self/cgroup"));
    expect((await findCgroup(files)).obstacle).toContain("not delegated");
  });
});

it("a VM may have the memory of its guest and of QEMU, which does not include disks in memory", async () => {
  const size = { memoryMib: 2_048, cpus: 2, emulated: false, disksInMemory: false };
  const limits = { "memory.max": String(2_816 * 2 ** 20), "memory.oom.group": "1", "pids.max": "130" };
  expect(limitsFor(size)).toEqual(limits);
  expect(limitsFor({ ...size, emulated: true })["memory.max"]).toBe(String(3_840 * 2 ** 20));
  expect(limitsFor({ ...size, disksInMemory: true })).not.toHaveProperty(["memory.max"]);
  const { directory } = await makeCgroup(join(scope, "vm-1"), limits);
  for (const [file, value] of Object.entries(limits)) {
    expect(await readFile(join(directory, file), "utf8")).toBe(value);
  }
});

/** A group in the kernel's hierarchy, if this process may make one: as root, or by delegation. */
async function realGroup() {
  const mounts = await readFile("/proc/self/mounts", "utf8");
  const root = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
  const own = /^0::(\/.*)$/m.exec(await readFile("/proc/self/cgroup", "utf8"))?.[1];
  if (root === undefined || own === undefined) return undefined;
  return await makeCgroup(join(root, own, `obuilder-test-${process.pid}`), {}).catch(() => undefined);
}

it("a program is started in its group, which is removed when that has ended (the kernel's own groups)", async ({
  skip,
}) => {
  const group = await realGroup();
  if (!group) return skip("this host does not permit it");
  const [program, ...args] = group.command;
  let child: ChildProcess | undefined;
  try {
    child = spawn(program, [...args, "sh", "-c", "echo started; exec sleep 60"]);
    if (child.stdout) await once(child.stdout, "data");
    expect(await readFile(join(group.directory, "cgroup.procs"), "utf8")).toBe(`${child.pid}\n`);
  } finally {
    child?.kill("SIGKILL");
    await group[Symbol.asyncDispose]();
  }
  expect(existsSync(group.directory)).toBe(false);
});
