import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { kill, pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { FakeSandbox, type FakeStep, MemoryCache, MemoryStore } from "@ob/core/testing";
import { ObError, type RunTask } from "@ob/core";
import type { RedisAddress } from "./redis/connect.ts";
import { SharedLayers } from "./shared-layers.test.helper.ts";
import type { ContextTransport } from "./worker/context-transport.ts";
import { startWorker, type WorkerOptions } from "./worker/start-worker.ts";

/** What a worker of the tests needs; it can be sent to another process. */
export interface TestWorkerOptions {
  /** See `RedisAddress.url`. */
  readonly url: string;
  readonly tls?: RedisAddress["tls"];
  readonly name: string;
  /** The directory of a test: it has the registry, and what was run. */
  readonly directory: string;
  readonly pools?: readonly string[];
  readonly slots?: number;
  readonly engines?: number;
  readonly identity?: string;
  /** See `WorkerOptions`. */
  readonly drainPatience?: number;
  /** How long a step waits that is the first of its session, in milliseconds: as a boot does. By default 0. */
  readonly boot?: number;
  /** These are for a worker in the process of the test only. */
  readonly onDrain?: () => void;
  readonly contexts?: ContextTransport;
}

/** A step that a worker has begun, or ended. */
export interface RunRecord {
  readonly worker: string;
  readonly event: "begun" | "ended" | "stopped";
  readonly layer: string;
  readonly command: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** True if the step follows another one in its session. */
  readonly continued: boolean;
}

/** The name of the file of `RunRecord`s in a test's directory. */
export const runsFile = "runs.jsonl";
export const pool = "linux-amd64-tcg-1g";
const images = ["base", "other"];

/**
 * A worker whose guest is simulated: `sleep MS`, `print TEXT`, `flood BYTES`, `fail STATUS`, `die` (the whole worker), `fill` (its disk),
 * `secret` (prints how long the first secret is), `meet N` (waits until N steps of the test do that), joined by `;`.
 */
export async function startTestWorker(options: TestWorkerOptions) {
  const store = new MemoryStore({ images });
  const transport = new SharedLayers(join(options.directory, "registry"), { store, images });
  const sandbox = new FakeSandbox({ run: async (step) => await play(step, options) });
  recordRuns(sandbox, options);
  const settings: WorkerOptions = {
    redis: { url: options.url, tls: options.tls },
    name: options.name,
    pools: options.pools ?? [pool],
    slots: options.slots,
    engines: options.engines,
    identity: options.identity,
    store,
    transport,
    sandbox,
    caches: new MemoryCache(),
    contexts: options.contexts ?? sameMachine,
    onDrain: options.onDrain,
    drainPatience: options.drainPatience,
  };
  const worker = await startWorker(settings);
  return { worker, store, transport, sandbox };
}

/** Contexts of clients on the same machine: the digest is the directory. */
export const sameMachine: ContextTransport = {
  publish: async ({ directory }) => directory,
  fetch: async (directory) => ({ directory, [Symbol.asyncDispose]: () => Promise.resolve() }),
};

function recordRuns(sandbox: FakeSandbox, { name, directory, boot = 0 }: TestWorkerOptions): void {
  const open = sandbox.openSession.bind(sandbox);
  sandbox.openSession = () => {
    const session = open();
    let count = 0;
    return {
      run: async (step, settings) => {
        const continued = count++ > 0;
        const note = (event: RunRecord["event"]) => {
          const command = step.task.kind === "run" ? step.task.command : "copy";
          const time = Date.now();
          const run: RunRecord = { worker: name, event, layer: step.layer, command, time, continued };
          appendFileSync(join(directory, runsFile), `${JSON.stringify(run)}\n`);
        };
        note("begun");
        try {
          if (!continued) await sleep(boot);
          await session.run(step, settings);
          note("ended");
        } catch (error) {
          note("stopped");
          throw error;
        }
      },
      [Symbol.asyncDispose]: async () => await session[Symbol.asyncDispose](),
    };
  };
}

async function play(
  { task, output, signal }: FakeStep<RunTask>,
  { directory }: TestWorkerOptions,
): Promise<number> {
  for (const each of task.command.split(";")) {
    const [word = "", ...rest] = each.trim().split(" ");
    const argument = rest.join(" ");
    if (word === "sleep") await sleep(Number(argument), undefined, { signal });
    else if (word === "meet") await meet(Number(argument), { directory, signal });
    else if (word === "print") output(`${argument}\n`);
    else if (word === "flood") output(Buffer.alloc(Number(argument), "0123456789abcdef\n"));
    else if (word === "secret") output(`${task.secrets[0]?.contents.length}\n`);
    else if (word === "fail") return Number(argument);
    else if (word === "fill") throw new ObError("NO_SPACE", "The disk of the worker is full.");
    else if (word === "die") kill(pid, "SIGKILL");
  }
  return 0;
}

async function meet(
  count: number,
  { directory, signal }: { readonly directory: string; readonly signal: AbortSignal },
): Promise<void> {
  const begun = (line: string) => {
    const run: Partial<RunRecord> = JSON.parse(line);
    return run.event === "begun" && run.command?.startsWith(`meet ${count}`) === true;
  };
  // Whole lines only: another worker can be writing one.
  const lines = () => readFileSync(join(directory, runsFile), "utf8").split("\n").slice(0, -1);
  while (lines().filter(begun).length < count) await sleep(10, undefined, { signal });
}
