import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { watchStalls } from "./thread-clock.ts";

/** What a flood did to this process. */
export interface FloodMeasure {
  /** The longest stall of the event loop that is this thread's own doing, in milliseconds; by its clock. */
  readonly stall: number;
  /** The longest stall that is allowed on this host, in milliseconds: 250 on a fast one. */
  readonly allowed: number;
  /** By how much the memory of the process grew, in bytes. */
  readonly growth: number;
}

/** A process that has nothing to do: the stalls that are left to it are those of the virtual or real machine below. */
const idleProcess = `
const { watchStalls } = await import(process.argv[1]);
const watch = watchStalls();
process.stdin.once("data", () => { console.log(watch.longest()); process.exit(); });
const { user, system } = process.cpuUsage();
console.log((user + system) / 1000);`;

/** How much of a processor's time Node.js takes to start on a fast host, in milliseconds. */
const usualStart = 60;

/** Measures this process while `work` runs. */
export async function measureFlood(work: () => Promise<unknown>): Promise<FloodMeasure> {
  // Compiled or not.
  const script = import.meta.url.replace("event-loop", "thread-clock");
  const node = ["--experimental-strip-types", "--no-warnings", "--input-type=module", "-e", idleProcess];
  const idle = spawn(process.execPath, [...node, script], { stdio: ["pipe", "pipe", "inherit"] });
  const [start] = await once(idle.stdout, "data");
  const slowness = Math.max(1, Number(start) / usualStart);
  const before = process.memoryUsage().rss;
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 50);
  using stalls = watchStalls();
  try {
    await work();
    // A stall at the end is measured by the next turn.
    await sleep(50);
  } finally {
    clearInterval(sampling);
  }
  const stall = stalls.longest();
  idle.stdin.write("\n");
  const [hostStall] = await once(idle.stdout, "data");
  return { stall, allowed: 250 * slowness + 2 * Number(hostStall), growth: most - before };
}
