import { readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { storeLayout } from "@ob/core";

/** How often, and how far apart in milliseconds, the open files of a process are looked at. */
const looks = 40;
const pauseMs = 25;

/**
 * Which locks of a store each process has, and which it wants. A lock that is held is an open file; one that is waited for is
 * opened again and again.
 *
 * @returns a line for each process that has or wants one.
 */
export async function whoWaits(directory: string): Promise<readonly string[]> {
  const { locks } = storeLayout(directory);
  const seen = new Map<string, Map<string, number>>();
  for (let look = 0; look < looks; look += 1) {
    for (const pid of await namesIn("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      for (const name of await openLocks(pid, locks)) {
        const counts = seen.get(pid) ?? new Map<string, number>();
        seen.set(pid, counts.set(name, (counts.get(name) ?? 0) + 1));
      }
    }
    await delay(pauseMs);
  }
  return await Promise.all([...seen].map(async ([pid, counts]) => await describe(pid, counts)));
}

async function openLocks(pid: string, locks: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const fd of await namesIn(`/proc/${pid}/fd`)) {
    const file = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    if (path.dirname(file) === locks) found.add(path.basename(file));
  }
  return found;
}

async function describe(pid: string, counts: ReadonlyMap<string, number>): Promise<string> {
  const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "?");
  const names = (isHeld: boolean) =>
    [...counts].flatMap(([name, count]) => ((count === looks) === isHeld ? [name] : [])).join(", ") || "none";
  const command = words.split("\0").slice(-4).join(" ").trim();
  return `${pid} (${command}) has ${names(true)}; wants ${names(false)}`;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch(() => []);
}
