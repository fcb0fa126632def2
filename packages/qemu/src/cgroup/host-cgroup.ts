import { access, constants, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorMessage } from "@ob/core";

/** Where the kernel shows control groups. */
export interface CgroupFiles {
  /** Absolute path of the hierarchy of version 2. */
  readonly root: string;
  /** Absolute path of the directory of processes. */
  readonly proc: string;
}

export const kernelFiles: CgroupFiles = { root: "/sys/fs/cgroup", proc: "/proc" };

/** Where the groups of VMs can be made. */
export type HostCgroup =
  | {
      /** Absolute path of the group that was delegated to this process. */
      readonly directory: string;
      readonly obstacle?: undefined;
    }
  /** Why there can be none. */
  | { readonly directory?: undefined; readonly obstacle: string };

const controllers = ["memory", "pids"];

/** The group that this process moves to: the kernel has controllers only below groups that have no processes. */
const ownGroup = "obuilder";

/** Finds whether a group was delegated to this process alone. Changes nothing, and never rejects. */
export async function findCgroup(files: CgroupFiles = kernelFiles): Promise<HostCgroup> {
  try {
    const own = /^0::(\/.*)$/m.exec(await readFile(join(files.proc, "self/cgroup"), "utf8"))?.[1];
    if (own === undefined || !(await isReadable(join(files.root, "cgroup.controllers")))) {
      return { obstacle: "this host has no control groups of version 2" };
    }
    const current = join(files.root, own);
    const directory = basename(current) === ownGroup ? dirname(current) : current;
    const has = await namesIn(join(directory, "cgroup.controllers"));
    const missing = controllers.filter((name) => !has.includes(name));
    if (missing.length > 0) return { obstacle: `${directory} has no controller of ${missing.join(" and ")}` };
    for (const file of ["", "cgroup.procs", "cgroup.subtree_control"]) {
      await access(join(directory, file), constants.W_OK);
    }
    const strangers = (await namesIn(join(directory, "cgroup.procs"))).filter(
      (pid) => Number(pid) !== process.pid,
    );
    for (const pid of strangers) {
      if (!(await isOurs(pid, files))) {
        return { obstacle: `other processes are in the control group ${directory}` };
      }
    }
    return { directory };
  } catch (error) {
    return { obstacle: `the control group is not delegated to this process (${errorMessage(error)})` };
  }
}

/** Finds a group, and enables its controllers. Never rejects. */
export async function openCgroup(files: CgroupFiles = kernelFiles): Promise<HostCgroup> {
  const found = await findCgroup(files);
  if (found.directory === undefined) return found;
  try {
    await enableControllers(found.directory);
    return found;
  } catch (error) {
    return { obstacle: `${found.directory} cannot control groups below it (${errorMessage(error)})` };
  }
}

/** A child can have started another one meanwhile. */
const attempts = 5;

/**
 * Has the kernel control what is below a group that `findCgroup` has found: moves this process and its children into a group below it.
 *
 * @throws Node's own error.
 */
export async function enableControllers(directory: string): Promise<void> {
  const control = join(directory, "cgroup.subtree_control");
  const enabled = await namesIn(control);
  if (controllers.every((name) => enabled.includes(name))) return;
  const leaf = join(directory, ownGroup);
  await mkdir(leaf, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    for (const pid of await namesIn(join(directory, "cgroup.procs"))) {
      // One that has ended cannot be moved.
      await writeFile(join(leaf, "cgroup.procs"), pid).catch(() => undefined);
    }
    try {
      await writeFile(control, controllers.map((name) => `+${name}`).join(" "));
      return;
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}

async function isReadable(file: string): Promise<boolean> {
  return await access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
}

async function namesIn(file: string): Promise<readonly string[]> {
  return (await readFile(file, "utf8")).split(/\s+/).filter(Boolean);
}

/** Whether a process is a descendant of this one. Those of other PID namespaces have the number 0. */
async function isOurs(pid: string, { proc }: CgroupFiles): Promise<boolean> {
  let current = pid;
  while (Number(current) > 1) {
    if (Number(current) === process.pid) return true;
    const status = await readFile(join(proc, current, "status"), "utf8").catch(() => "");
    current = /^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? "";
  }
  return false;
}
