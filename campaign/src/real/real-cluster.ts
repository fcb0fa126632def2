import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { disposableWith } from "@ob/core";
import { startDockerRegistry } from "@ob/registry/testing";
import { processesOn } from "../store/processes.ts";
import { startRedis } from "../store/start-redis.ts";
import { machineFlags } from "./real-command.ts";
import { imageName, type RealStore } from "./real-store.ts";
import { type Ended, endOf, startCommand } from "./run-command.ts";

/** Redis and a registry, with a worker on a store that is killed while it builds. */
export interface RealCluster extends AsyncDisposable {
  /**
   * Submits a build, kills its worker, and starts another one on the same store.
   *
   * @param killAfter in milliseconds from the submission.
   * @returns how the submission has ended, and what is wrong, in words.
   */
  killWorker(killAfter: number): Promise<{ readonly ended: Ended; readonly faults: readonly string[] }>;
}

/** @throws Error if there is no `redis-server`, or no `docker-registry`. */
export async function openRealCluster({ place }: RealStore): Promise<RealCluster> {
  await using stack = new AsyncDisposableStack();
  const { directory, temporary, spec, source } = place;
  const { socket } = stack.use(await startRedis());
  const { host } = stack.use(await startDockerRegistry());
  const addresses = ["--queue", socket, "--registry", `${host}/ob`];
  const asWorker = { mark: directory, temporary };
  const asClient = { mark: socket, temporary };
  const store = `--store=qemu:${directory}`;
  const push = ["image", "push", store, imageName, `${host}/ob`, "--login-key", "--insecure"];
  const pushed = await endOf(startCommand(push, asClient));
  if (pushed.status !== 0) throw new Error(`the image cannot be pushed: ${pushed.text}`);
  const startWorker = async (): Promise<ChildProcess> => {
    const words = ["worker", store, ...addresses, "--name", "campaign", ...machineFlags];
    const worker = startCommand(words, asWorker);
    worker.stderr?.pipe(process.stderr);
    if (!worker.stdout) throw new Error("its output is not a pipe");
    for await (const line of createInterface(worker.stdout)) if (line.includes("is ready")) break;
    worker.stdout.resume();
    return worker;
  };
  const killWorker: RealCluster["killWorker"] = async (killAfter) => {
    const first = await startWorker();
    const submission = endOf(startCommand(["submit", ...addresses, "-f", spec, source], asClient));
    await Promise.race([submission, delay(killAfter)]);
    await kill(first, "SIGKILL");
    const left = await processesOn(directory, { patience: 3000 });
    const faults = left.length > 0 ? [`processes are left: ${left.join(", ")}`] : [];
    const second = await startWorker();
    const ended = await submission;
    if (ended.status !== 0) faults.push(`the submission ends with ${ended.status}: ${ended.text}`);
    await kill(second, "SIGTERM");
    return { ended, faults };
  };
  return disposableWith({ killWorker }, stack);
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
