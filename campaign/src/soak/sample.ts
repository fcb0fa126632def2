import { getEventListeners } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What this process holds at one moment, when nothing runs. */
export interface Sample {
  /** Of V8's heap and of what belongs to it, after a garbage collection; in bytes. */
  readonly memory: number;
  readonly descriptors: number;
  readonly children: number;
  /** Of the process, and of the signal that all builds get. */
  readonly listeners: number;
  /** In the directories that are watched, with all below them. */
  readonly files: number;
}

export interface SampleOptions {
  readonly signal: AbortSignal;
  /** Absolute paths. */
  readonly directories: readonly string[];
}

export async function takeSample({ signal, directories }: SampleOptions): Promise<Sample> {
  await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const own = process.eventNames().reduce((all, name) => all + process.listenerCount(name), 0);
  let files = 0;
  for (const directory of directories) files += (await readdir(directory, { recursive: true })).length;
  const descriptors = (await readdir("/proc/self/fd")).length;
  const listeners = own + getEventListeners(signal, "abort").length;
  return { memory: heapUsed + external, descriptors, children: await countChildren(), listeners, files };
}

/** Twice: what has a finalizer is freed by the second. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("this Node.js cannot collect garbage when asked to");
  for (let time = 0; time < 2; time += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function countChildren(): Promise<number> {
  let count = 0;
  for (const thread of await readdir("/proc/self/task")) {
    const pids = await readFile(`/proc/self/task/${thread}/children`, "utf8").catch(() => "");
    count += pids.split(" ").filter((pid) => pid !== "").length;
  }
  return count;
}
