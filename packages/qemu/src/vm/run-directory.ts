import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Emit, errnoCode, isAbandonedName, isOutdated, ownedName } from "@ob/core";
import * as v from "valibot";
import { removeCgroup } from "../cgroup/vm-cgroup.ts";
import { argumentsOf, hostIdentity, identityOf, isAlive } from "../process/process-identity.ts";

/**
 * What a run directory holds:
 *
 *     run/vm-XXXXXX/owner.json    who owns the VM, and which QEMU it is
 *     run/vm-XXXXXX/console.log   the output of the guest's serial console
 *
 * It has another name while it is made and while it is removed, which says by which process.
 */
export interface RunDirectory extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
  readonly consoleLog: string;
  /** Records the QEMU process that runs here, and the path of its control group, so that a sweep after a crash can end both. */
  recordQemu(pid: number, cgroup?: string): Promise<void>;
}

const identity = v.object({ pid: v.number(), startTime: v.string(), host: v.string() });
const schema = v.object({
  owner: v.optional(identity),
  qemu: v.optional(identity),
  cgroup: v.optional(v.string()),
});
type Owner = v.InferOutput<typeof schema>;

/** What the names of directories begin with that are not complete. */
const incomplete = ".part-";

/** A directory without a readable owner was left by a crash if it is older than this, in milliseconds. */
const graceTime = 60_000;

/** Creates a run directory below the state directory. Disposing removes it. */
export async function createRunDirectory(stateDirectory: string): Promise<RunDirectory> {
  const parent = runParent(stateDirectory);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const made = join(parent, ownedName(incomplete));
  const path = join(parent, `vm-${randomBytes(5).toString("base64url").slice(0, 6)}`);
  const owner = await identityOf(process.pid);
  await mkdir(made, { mode: 0o700 });
  try {
    await recordOwner(made, { owner });
    await rename(made, path);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
  return {
    path,
    consoleLog: join(path, "console.log"),
    recordQemu: async (pid, cgroup) =>
      await recordOwner(path, { owner, qemu: await identityOf(pid), cgroup }),
    [Symbol.asyncDispose]: async () => await removeRunDirectory(path),
  };
}

/** A process that is killed here leaves the record before. */
async function recordOwner(path: string, contents: Owner): Promise<void> {
  const next = join(path, "owner.json.next");
  await writeFile(next, JSON.stringify(contents));
  await rename(next, ownerFile(path));
}

/** A process that is killed here leaves what the next sweep removes. */
async function removeRunDirectory(path: string): Promise<void> {
  const removed = join(dirname(path), ownedName(incomplete));
  try {
    await rename(path, removed);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return;
    throw error;
  }
  await rm(removed, { recursive: true, force: true });
}

/**
 * Removes the run directories of processes that were killed, and ends a QEMU that outlived its owner. Directories of
 * processes that still run, or that are not visible from here, are left alone.
 */
export async function sweepRunDirectories(stateDirectory: string, emit: Emit): Promise<void> {
  const parent = runParent(stateDirectory);
  const host = await hostIdentity();
  for (const name of await entries(parent)) {
    const path = join(parent, name);
    if (!isAbandonedName(name, incomplete) && !(await isAbandoned(path, host))) continue;
    emit({ type: "log", level: "debug", text: `removing ${path}, left by a killed process` });
    const cgroup = (await readOwner(path))?.cgroup;
    if (cgroup !== undefined && basename(cgroup) === name) await removeCgroup(cgroup);
    await removeRunDirectory(path);
  }
}

async function isAbandoned(path: string, host: string | undefined): Promise<boolean> {
  if (host === undefined) return false;
  const contents = await readOwner(path);
  if (contents?.owner === undefined) return await isOlderThan(path, graceTime);
  const { owner, qemu } = contents;
  // After a reboot of the host its processes are gone. Those of another container are not visible from here.
  if (owner.host !== host) return bootOf(owner.host) !== bootOf(host);
  if (await isAlive(owner)) return false;
  if (qemu && (await isAlive(qemu))) await killQemu(qemu.pid, path);
  return true;
}

/** Kills a process only if its arguments name the run directory. */
async function killQemu(pid: number, path: string): Promise<void> {
  const argv = await argumentsOf(pid);
  if (argv.some((argument) => argument.includes(path))) process.kill(pid, "SIGKILL");
}

function bootOf(host: string): string | undefined {
  return host.split(" ")[0];
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return v.parse(schema, JSON.parse(await readFile(ownerFile(path), "utf8")));
  } catch {
    return undefined;
  }
}

async function isOlderThan(path: string, milliseconds: number): Promise<boolean> {
  try {
    return isOutdated((await stat(path)).mtimeMs, milliseconds);
  } catch {
    return false;
  }
}

async function entries(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  }
}

function ownerFile(path: string): string {
  return join(path, "owner.json");
}

function runParent(stateDirectory: string): string {
  return join(stateDirectory, "run");
}
