import { access, constants, readFile } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import path from "node:path";
import { getuid } from "node:process";
import { debianPackageOf, findProgram } from "@ob/core";
import { formatSize } from "../args/units.ts";
import { apt, type Check } from "./check.ts";

/** What the checks ask of the host; tests put another in its place. */
export interface Host {
  readonly platform: string;
  readonly nodeVersion: string;
  readonly uid: number | undefined;
  /** In bytes. */
  readonly memory: { readonly total: number; readonly free: number };
  hasProgram(name: string): Promise<boolean>;
  /** Undefined if it cannot be read. */
  read(file: string): Promise<string | undefined>;
  mayWrite(file: string): Promise<boolean>;
}

export const thisHost: Host = {
  platform: process.platform,
  nodeVersion: process.versions.node,
  uid: getuid?.(),
  memory: { total: totalmem(), free: freemem() },
  hasProgram: async (name) => (await findProgram(name)) !== undefined,
  read: async (file) => await readFile(file, "utf8").catch(() => undefined),
  mayWrite: async (file) =>
    await access(file, constants.W_OK).then(
      () => true,
      () => false,
    ),
};

const minNode = 24;
/** That of one guest and of the host, in bytes. */
const minMemory = 4 * 2 ** 30;
/** Of each guest unless told otherwise, in bytes. */
const guestMemory = 2 * 2 ** 30;

/** The checks of the host besides QEMU and the store. */
export async function hostChecks(host: Host): Promise<readonly Check[]> {
  return [
    systemCheck(host),
    nodeCheck(host),
    memoryCheck(host),
    await programsCheck(host, { name: "programs", programs: ["qemu-img", "mke2fs", "cp"], state: "failure" }),
    await programsCheck(host, {
      ...{ name: "image tools", state: "warning" },
      programs: ["mmdebstrap", "sfdisk", "debugfs", "grub-mkimage", "depmod", "xz", "ssh-keygen"],
    }),
    await childCheck(host),
    await cgroupCheck(host),
    await addressCheck(host),
  ];
}

function systemCheck({ platform }: Host): Check {
  const name = "system";
  if (platform === "linux") return { name, state: "ok", text: "Linux" };
  const text = `${platform}: images cannot be built, there are no VM snapshots, and QEMU may outlive a crash`;
  return { name, state: "warning", text, help: "Use Linux." };
}

function nodeCheck({ nodeVersion: version }: Host): Check {
  const isNew = Number.parseInt(version, 10) >= minNode;
  const help = isNew ? undefined : `Install Node.js ${minNode} or newer.`;
  return { name: "Node.js", state: isNew ? "ok" : "failure", text: version, help };
}

function memoryCheck({ memory: { total, free } }: Host): Check {
  const enough = total >= minMemory;
  const text = `${formatSize(total)}, ${formatSize(free)} of them unused; a guest has ${formatSize(guestMemory)}`;
  const help = enough ? undefined : "Give guests less: --qemu-memory=1.";
  return { name: "memory", state: enough ? "ok" : "warning", text, help };
}

interface Programs {
  readonly name: string;
  readonly programs: readonly string[];
  /** If one is missing. */
  readonly state: "warning" | "failure";
}

async function programsCheck(host: Host, { name, programs, state }: Programs): Promise<Check> {
  const missing = [];
  for (const program of programs) if (!(await host.hasProgram(program))) missing.push(program);
  if (missing.length === 0) return { name, state: "ok", text: programs.join(", ") };
  const packages = new Set(missing.map((program) => debianPackageOf[program] ?? program));
  return { name, state, text: `not installed: ${missing.join(", ")}`, help: apt([...packages].join(" ")) };
}

async function childCheck(host: Host): Promise<Check> {
  const name = "setpriv";
  if (await host.hasProgram("setpriv"))
    return { name, state: "ok", text: "QEMU ends with obuilder, however that ends" };
  const text = "QEMU may outlive an obuilder that is killed";
  return { name, state: "warning", text, help: apt("util-linux") };
}

/** No limits are set by us: they come from the group that we are started in. */
async function cgroupCheck(host: Host): Promise<Check> {
  const name = "cgroups";
  const help = "To limit builds: systemd-run --user --scope -p MemoryMax=16G obuilder …";
  const own = /^0::(\/.*)$/m.exec((await host.read("/proc/self/cgroup")) ?? "")?.[1];
  if (own === undefined || (await host.read("/sys/fs/cgroup/cgroup.controllers")) === undefined) {
    return {
      name,
      state: "warning",
      text: "no control groups of version 2: builds cannot be limited together",
    };
  }
  const group = path.join("/sys/fs/cgroup", own);
  const limit = (await host.read(path.join(group, "memory.max")))?.trim() ?? "max";
  const delegated = (await host.mayWrite(path.join(group, "cgroup.procs"))) ? "delegated" : "not delegated";
  if (limit === "max")
    return { name, state: "ok", text: `version 2, ${delegated}, no limit of memory`, help };
  return {
    name,
    state: "ok",
    text: `version 2, ${delegated}, memory limited to ${formatSize(Number(limit))}`,
  };
}

/** Whether programs and the kernel are at random addresses, which makes a flaw of QEMU harder to use. */
async function addressCheck(host: Host): Promise<Check> {
  const name = "ASLR, KASLR";
  const programs = (await host.read("/proc/sys/kernel/randomize_va_space"))?.trim();
  const kernel = /\bnokaslr\b/.test((await host.read("/proc/cmdline")) ?? "");
  if (programs === undefined) return { name, state: "ok", text: "not known" };
  if (programs === "2" && !kernel) return { name, state: "ok", text: "on" };
  const off = [...(programs === "2" ? [] : ["programs"]), ...(kernel ? ["the kernel"] : [])];
  const help = "sysctl kernel.randomize_va_space=2; boot without nokaslr.";
  return { name, state: "warning", text: `off for ${off.join(" and ")}`, help };
}
