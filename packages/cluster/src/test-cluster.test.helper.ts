import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LayerId, ObError, ObEvent } from "@ob/core";
import { MemoryStore, startTestProcess, type TestProcess } from "@ob/core/testing";
import { parseSpec } from "@ob/spec";
import type { Redis } from "ioredis";
import { attachBuild } from "./client/attach-build.ts";
import { submitBuild, type SubmitOptions } from "./client/submit-build.ts";
import { type RedisServer, type RedisServerOptions, startRedis } from "./redis-server.test.helper.ts";
import { keys } from "./redis/keys.ts";
import { LayerStates } from "./redis/layer-states.ts";
import { SharedLayers } from "./shared-layers.test.helper.ts";
import {
  pool,
  type RunRecord,
  runsFile,
  sameMachine,
  startTestWorker,
  type TestWorkerOptions,
} from "./test-worker.test.helper.ts";

type WorkerSettings = Partial<TestWorkerOptions> & { readonly name: string };

/** A build that a test follows. */
export interface TestBuild {
  readonly name: string;
  readonly events: readonly ObEvent[];
  /** The last layer, or the error. */
  readonly result: Promise<LayerId | ObError>;
  /** The output of the steps. */
  output(): string;
  /** How many steps have ended with that outcome. */
  count(outcome: string): number;
}

/** A whole cluster on this machine: Redis, a registry, and the workers that a test starts. */
export class TestCluster implements AsyncDisposable {
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly directory: string;
  readonly stack = new AsyncDisposableStack();
  readonly #processes: TestProcess[] = [];

  private constructor(server: RedisServer, redis: Redis, directory: string) {
    this.server = server;
    this.redis = redis;
    this.directory = directory;
    this.stack.defer(async () => await rm(directory, { recursive: true, force: true }));
    this.stack.use(server);
  }

  static async start(redis: RedisServerOptions = {}): Promise<TestCluster> {
    const server = await startRedis(redis);
    const directory = await mkdtemp(join(tmpdir(), "ob-cluster-"));
    return new TestCluster(server, await server.connect(), directory);
  }

  /** A worker in this process. */
  async worker(settings: WorkerSettings) {
    const started = await startTestWorker(this.#options(settings));
    this.stack.use(started.worker);
    return started;
  }

  /** A worker in a process of its own. @param through see `RedisServerOptions`. */
  async workerProcess(settings: WorkerSettings, through: readonly string[] = []): Promise<TestProcess> {
    const script = join(import.meta.dirname, "worker-child.test.helper.ts");
    const options = JSON.stringify(this.#options(settings));
    const child = this.stack.use(startTestProcess(script, [options], through));
    this.#processes.push(child);
    await child.readLine();
    return child;
  }

  async build(
    text: string,
    {
      secrets,
      sourceDirectory = "/nonexistent",
      ...options
    }: Partial<SubmitOptions> & {
      readonly secrets?: ReadonlyMap<string, Uint8Array>;
      readonly sourceDirectory?: string;
    } = {},
  ): Promise<TestBuild> {
    const request = { spec: parseSpec(text), sourceDirectory, secrets };
    const { redis } = this;
    const store = new MemoryStore({ images: ["base", "other"] });
    const settings = { redis, store, poolOf: () => pool, client: "c1", contexts: sameMachine, ...options };
    return this.attach(await submitBuild(request, settings));
  }

  attach(name: string, redis: Redis = this.redis): TestBuild {
    const events: ObEvent[] = [];
    const emit = (event: ObEvent) => void events.push(event);
    const result = attachBuild(name, { redis, emit }).catch((error: ObError) => error);
    return {
      name,
      events,
      result,
      output: () =>
        events
          .map((event) => (event.type === "step-output" ? Buffer.from(event.bytes).toString() : ""))
          .join(""),
      count: (outcome) =>
        events.filter((event) => event.type === "step-finished" && event.outcome === outcome).length,
    };
  }

  /** What the workers have run, in order. */
  async runs(): Promise<readonly RunRecord[]> {
    const text = await readFile(join(this.directory, runsFile), "utf8").catch(() => "");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as RunRecord);
  }

  /** Layers with a version that is not based on the version of its parent that all use. */
  async mixedLayers(): Promise<readonly string[]> {
    const states = new LayerStates(this.redis);
    const store = new MemoryStore();
    const registry = new SharedLayers(join(this.directory, "registry"), { store, images: [] });
    const mixed: string[] = [];
    const prefix = keys.layer("" as LayerId);
    for (const key of await this.redis.keys(`${prefix}*`)) {
      const id = key.slice(prefix.length) as LayerId;
      const [state] = await states.states([id]);
      if (state?.kind !== "published") continue;
      const parent = await registry.parentOf(id, state.digest);
      const [below] = parent ? await states.states([parent.id]) : [];
      if (parent && (below?.kind !== "published" || below.digest !== parent.digest)) mixed.push(id);
    }
    return mixed;
  }

  /** The processor time of the workers that are processes, in milliseconds. */
  async processorTime(): Promise<number> {
    const times = this.#processes.map(async ({ pid }) => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8");
      // User and system time, in hundredths of a second: the name before them can contain blanks.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return 10 * (Number(fields[11]) + Number(fields[12]));
    });
    return (await Promise.all(times)).reduce((sum, time) => sum + time, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }

  #options(settings: WorkerSettings): TestWorkerOptions {
    return { url: this.server.url, directory: this.directory, ...settings };
  }
}
