import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rmdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";

/** What makes the CPU scarce for programs. */
export interface ScarceCpu extends AsyncDisposable {
  /** How, in words. */
  readonly how: string;
  /** The words to put before those of a program. */
  readonly prefix: readonly string[];
}

const period = 100_000;
/** What a program may take of all processors. */
const share = 0.1;

/**
 * Gives programs a tenth of the processors, by a control group.
 *
 * @throws Error if this host has none that can be made.
 */
export async function tenthOfCpu(): Promise<ScarceCpu> {
  const quota = Math.round(period * share * availableParallelism());
  const group = await makeGroup(quota);
  return {
    how: `${share * 100} % of ${availableParallelism()} processors`,
    prefix: ["sh", "-c", 'echo $$ >"$0" && exec "$@"', path.join(group, "cgroup.procs")],
    // A process that is still there keeps it.
    [Symbol.asyncDispose]: async () => await rmdir(group).catch(() => undefined),
  };
}

async function makeGroup(quota: number): Promise<string> {
  const errors: string[] = [];
  const limits = [
    { parent: "/sys/fs/cgroup/cpu", file: "cpu.cfs_quota_us", text: String(quota) },
    { parent: "/sys/fs/cgroup", file: "cpu.max", text: `${quota} ${period}` },
  ];
  for (const { parent, file, text } of limits) {
    try {
      const group = await mkdtemp(path.join(parent, "obuilder-slow-"));
      try {
        await writeFile(path.join(group, file), text, { flag: "r+" });
        return group;
      } catch (error) {
        await rmdir(group);
        throw error;
      }
    } catch (error) {
      errors.push(String(error));
    }
  }
  throw new Error(`No control group can be made that limits the CPU: ${errors.join("; ")}`);
}

/** Keeps all processors busy, as so many other processes would. */
export async function loadOf(processes: number): Promise<ScarceCpu> {
  const busy = Array.from({ length: processes }, () =>
    spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }),
  );
  return {
    how: `a load of ${processes}`,
    prefix: [],
    [Symbol.asyncDispose]: async () => {
      await Promise.all(
        busy.map(async (child) => {
          const ended = once(child, "exit");
          child.kill("SIGKILL");
          await ended;
        }),
      );
    },
  };
}
