import { readFile, readlink } from "node:fs/promises";

/** Distinguishes a process from a later one with the same PID. Linux only. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since the host booted. */
  readonly startTime: string;
  /** The host's boot id and the PID namespace of the PID. */
  readonly host: string;
}

/** The identity of a running process; undefined if there is none, or the host has no /proc. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const [stat, host] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), hostIdentity()]);
    // The second field, the program's name, may contain blanks and parentheses; the 22nd is the start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startTime = fields[19];
    const state = fields[0];
    if (startTime === undefined || host === undefined || state === "Z" || state === "X") return undefined;
    return { pid, startTime, host };
  } catch {
    return undefined;
  }
}

/** True if exactly this process still runs. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identityOf(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.host === identity.host;
}

/** The host's boot id and the PID namespace of this process as one string; undefined without /proc. */
export async function hostIdentity(): Promise<string | undefined> {
  try {
    const [boot, namespace] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readlink("/proc/self/ns/pid"),
    ]);
    return `${boot.trim()} ${namespace}`;
  } catch {
    return undefined;
  }
}

/** The arguments of a running process, program first. */
export async function argumentsOf(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
  } catch {
    return [];
  }
}
