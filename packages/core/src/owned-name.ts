import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { errnoCode } from "./errors.ts";

/**
 * An unused name for something temporary. It says which process has made it: PID, start time, PID namespace and boot of the
 * host.
 *
 * @param prefix what all such names begin with.
 */
export function ownedName(prefix: string): string {
  return `${prefix}${processTag(process.pid) ?? "unknown"}-${randomBytes(6).toString("hex")}`;
}

const pattern = /(?<tag>(?<pid>\d{1,10})-\d+-(?<host>\d+-[0-9a-f]{8}))-[0-9a-f]{12}$/;

/**
 * True if the process that has made this name has ended. False if that cannot be told, as for another host's.
 *
 * @param prefix as `ownedName` had it.
 */
export function isAbandonedName(name: string, prefix: string): boolean {
  const { index, groups } = (name.startsWith(prefix) && pattern.exec(name.slice(prefix.length))) || {};
  const { tag, pid, host } = groups ?? {};
  if (index !== 0 || tag === undefined || host === undefined || host !== hostTag()) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return errnoCode(error) === "ESRCH";
  }
  const now = processTag(Number(pid));
  return now !== undefined && now !== tag;
}

/** Distinguishes a process from all others, also from later ones with its PID. Undefined without /proc. */
function processTag(pid: number): string | undefined {
  const host = hostTag();
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name, may contain blanks and parentheses; the 22nd is the start time.
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return host === undefined || startTime === undefined ? undefined : `${pid}-${startTime}-${host}`;
  } catch {
    return undefined;
  }
}

function hostTag(): string | undefined {
  try {
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
    return namespace === undefined ? undefined : `${namespace}-${boot}`;
  } catch {
    return undefined;
  }
}
