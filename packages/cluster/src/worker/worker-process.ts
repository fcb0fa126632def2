import type { BaseAdapter } from "@bull-board/api/baseAdapter";
import { cancelledError } from "@ob/core";
import { type Job, WaitingError, Worker } from "bullmq";
import { buildJobSchema, chainJobSchema } from "../engine/build-record.ts";
import { type EnginePorts, runBuild } from "../engine/build-run.ts";
import { advanceClock } from "../engine/fair-share.ts";
import { Intake } from "../engine/intake.ts";
import { buildQueue, chainQueue, channels, queuePrefix } from "../redis/keys.ts";
import { workerCommandSchema } from "../redis/messages.ts";
import { tryParseJson } from "../redis/parse-json.ts";
import { timing } from "../timing.ts";
import type { ChainOutcome } from "../watch/worker-watch.ts";
import type { PoolStatus } from "../client/manage.ts";
import type { WorkerStatus } from "./heartbeat.ts";
import { PoolTurns } from "./pool-turns.ts";
import { redisIsAway, RedisSilence } from "./redis-silence.ts";
import { type ChainPorts, runChain, type RunningChain } from "./run-chain.ts";
import { Slots } from "./slots.ts";
import { setTimeout as sleep } from "node:timers/promises";

/** A worker of the cluster. Disposing of it stops its steps at once: others make them again. */
export interface ClusterWorker extends AsyncDisposable {
  readonly name: string;
  /**
   * Takes no more work, finishes the steps that run, leaves what comes after them to others, and pushes what it has made.
   * Resolves when nothing is left.
   *
   * @throws ObError `STORE` if Redis is silent for `WorkerOptions.drainPatience` meanwhile: what runs is ended then, and its
   *   claims run out.
   */
  drain(): Promise<void>;
  /** Settles as `drain` does, also when it is drained by `drainWorker`, or since its disk is full. */
  readonly drained: Promise<void>;
  /** What it does now. */
  status(): Omit<WorkerStatus, "v" | "host">;
  /** The queues of its pools. @throws ObError `STORE` if Redis does not answer within the time, in milliseconds. */
  queues(timeoutMs: number): Promise<readonly PoolStatus[]>;
  /** The queues of its pools, and that of builds, for bull-board: read-only, without specs and errors. */
  boardQueues(): Promise<readonly BaseAdapter[]>;
}

export interface WorkerProcessOptions {
  readonly chains: ChainPorts;
  readonly engine: EnginePorts;
  readonly pools: readonly string[];
  readonly slots: number;
  readonly engines: number;
  /** See `WorkerOptions`. */
  readonly drainPatience: number;
  readonly onDrain?: (() => void) | undefined;
}

/** How long a worker that could not go on with a chain waits before engines are asked to add it again, in milliseconds. */
const restAfterConflict = 500;

/** How long steps that are ended without Redis get to stop their virtual machines, in milliseconds. */
const stopTime = 10_000;

/** The BullMQ workers of a process, and the chains that they build. */
export class WorkerProcess implements AsyncDisposable {
  readonly #options: WorkerProcessOptions;
  readonly #workers: Worker[] = [];
  readonly #running = new Set<RunningChain>();
  readonly #chains = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #listening = new DisposableStack();
  readonly #slots: Slots;
  readonly #turns: PoolTurns;
  readonly #drained = Promise.withResolvers<void>();
  #draining: Promise<void> | undefined;
  #intake: Intake | undefined;
  #isAbandoned = false;

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    // Not everybody waits for it.
    this.#drained.promise.catch(() => undefined);
    const { queues } = options.engine;
    this.#turns = new PoolTurns({
      free: () => (this.#closing.signal.aborted ? 0 : this.#slots.free),
      waiting: async (pool) => await queues.waiting(pool),
    });
    this.#slots = new Slots(options.slots, () => void this.#turns.settle().catch(() => undefined));
  }

  /** See `ClusterWorker.drained`. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  async start(): Promise<void> {
    const { pools, slots, engines, chains } = this.#options;
    const { news, worker } = chains.cluster;
    this.#listening.use(await news.listen(channels.worker(worker), (message) => this.#obey(message)));
    for (const pool of pools) {
      const run = async (job: Job, token: string | undefined) => {
        const chain = this.#runChain(job, token);
        this.#chains.add(chain);
        await chain.finally(() => this.#chains.delete(chain));
      };
      this.#turns.add(pool, this.#work(chainQueue(pool), slots, run));
    }
    if (engines > 0) {
      this.#intake = new Intake(chains.cluster.states.redis, worker);
      this.#work(buildQueue, engines, async (job) => await this.#runBuild(job));
    }
    await Promise.all(this.#workers.map(async (each) => await each.waitUntilReady()));
  }

  status(): Omit<WorkerStatus, "v" | "host"> {
    const { pools, slots, chains } = this.#options;
    const running = this.#running.size;
    const draining = this.#draining !== undefined;
    return { name: chains.cluster.worker, pools: [...pools], slots, running, draining };
  }

  async drain(): Promise<void> {
    this.#draining ??= this.#drain();
    await this.#draining;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#listening.dispose();
    for (const { stop } of this.#running) stop(cancelledError());
    await this.#whileRedisAnswers(this.#close());
  }

  async #drain(): Promise<void> {
    const { publisher } = this.#options.chains.cluster;
    this.#options.onDrain?.();
    for (const { store } of this.#running) store.claims.drain();
    // Engines are light, and others take their builds over.
    this.#closing.abort();
    const left = this.#close().then(async () => await publisher.idle());
    try {
      if (!(await this.#whileRedisAnswers(left))) throw redisIsAway(this.#options.drainPatience);
      this.#drained.resolve();
    } catch (error) {
      this.#drained.reject(error);
      throw error;
    }
  }

  async #close(): Promise<void> {
    await this.#intake?.[Symbol.asyncDispose]();
    await Promise.all(this.#workers.map(async (worker) => await worker.close()));
  }

  /** @returns false if Redis was silent for too long before `work` was done: then all that runs is ended. */
  async #whileRedisAnswers(work: Promise<void>): Promise<boolean> {
    if (this.#isAbandoned) return false;
    const { redis } = this.#options.chains.cluster.states;
    using silence = new RedisSilence(redis, this.#options.drainPatience);
    if (await Promise.race([work.then(() => true), silence.reached.then(() => false)])) return true;
    this.#isAbandoned = true;
    for (const { stop } of this.#running) stop(cancelledError());
    // What waits for an answer fails, and so ends.
    redis.disconnect();
    await Promise.race([Promise.allSettled(this.#chains), sleep(stopTime, undefined, { ref: false })]);
    return false;
  }

  #work(
    queue: string,
    concurrency: number,
    process: (job: Job, token: string | undefined) => Promise<void>,
  ): Worker {
    const { redis } = this.#options.chains.cluster.states;
    const worker = new Worker(queue, process, {
      connection: redis,
      prefix: queuePrefix,
      concurrency,
      lockDuration: timing.lock,
      stalledInterval: timing.stalled,
      // How often a step may kill its worker is counted by the step.
      maxStalledCount: 1_000_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      drainDelay: 2,
    });
    // Redis is away: the worker tries again by itself.
    worker.on("error", () => undefined);
    this.#workers.push(worker);
    return worker;
  }

  async #runChain(job: Job, token: string | undefined): Promise<void> {
    const chain = tryParseJson(chainJobSchema, JSON.stringify(job.data));
    // Something else than an engine has put it there.
    if (!chain) return;
    const { chains, engine } = this.#options;
    const { cluster } = chains;
    // It is drained: another worker gets the chain.
    if (this.#closing.signal.aborted) return await cluster.states.announceAbsent(chain.chain[0]);
    using slot = this.#slots.take();
    if (!slot) {
      // Two queues have fetched a job for the last slot at the same time.
      await job.moveToWait(token);
      throw new WaitingError();
    }
    await advanceClock(cluster.states.redis, chain.pool, chain.start);
    let running: RunningChain | undefined;
    const { build, pool, chain: layers, traceparent } = chain;
    const watch = engine.watch?.chainStarted?.({ build, pool, layers, queuedAt: job.timestamp, traceparent });
    const watched: { outcome: ChainOutcome } = { outcome: "left" };
    try {
      const onStart = (each: RunningChain) => {
        running = each;
        this.#running.add(each);
      };
      // Not of the closing: a drained worker finishes its steps.
      const never = new AbortController().signal;
      const outcome = await runChain(chain, chains, { signal: never, onStart, watch });
      watched.outcome = outcome;
      if (outcome === "left") {
        await sleep(restAfterConflict, undefined, { signal: this.#closing.signal });
        await cluster.states.announceAbsent(chain.chain[0]);
      }
      if (outcome === "no-space") void this.drain().catch(() => undefined);
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    } finally {
      if (running) this.#running.delete(running);
      watch?.ended?.(watched.outcome);
    }
  }

  async #runBuild(job: Job): Promise<void> {
    const build = tryParseJson(buildJobSchema, JSON.stringify(job.data));
    if (!build) return;
    const { signal } = this.#closing;
    await runBuild(build.build, this.#options.engine, signal);
  }

  #obey(message: string): void {
    const command = tryParseJson(workerCommandSchema, message);
    if (!command) return;
    switch (command.command) {
      case "stop":
        for (const { store, stop } of this.#running) {
          if (store.claims.open.includes(command.id)) stop(cancelledError());
        }
        return;
      case "drain":
        void this.drain().catch(() => undefined);
    }
  }
}
