import { spawn } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/** What a flood did to this process. */
export interface FloodMeasure {
  /** The longest stall of the event loop, in milliseconds. */
  readonly stall: number;
  /** The longest stall that is allowed on this host, in milliseconds: 250 on a fast and idle one. */
  readonly allowed: number;
  /** By how much the memory of the process grew, in bytes. */
  readonly growth: number;
}

/** Measures stalls in a process of its own, which has nothing to do: they are the host's. */
const idleProcess = `
const delay = require("node:perf_hooks").monitorEventLoopDelay({ resolution: 10 });
delay.enable();
process.stdin.once("data", () => { console.log(delay.max / 1e6); process.exit(); });
console.log("ready");`;

/** How long Node.js takes to start on a fast host, in milliseconds. */
const usualStart = 60;

/** Measures this process while `work` runs. */
export async function measureFlood(work: () => Promise<unknown>): Promise<FloodMeasure> {
  const began = performance.now();
  const idle = spawn(process.execPath, ["-e", idleProcess], { stdio: ["pipe", "pipe", "inherit"] });
  await once(idle.stdout, "data");
  const slowness = Math.max(1, (performance.now() - began) / usualStart);
  const before = process.memoryUsage().rss;
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 50);
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  try {
    await work();
    // A stall at the end is measured by the next turn.
    await sleep(50);
  } finally {
    delay.disable();
    clearInterval(sampling);
  }
  idle.stdin.write("\n");
  const [hostStall] = await once(idle.stdout, "data");
  const allowed = 250 * slowness + 2 * Number(hostStall);
  return { stall: delay.max / 1e6, allowed, growth: most - before };
}
