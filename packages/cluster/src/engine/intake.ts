import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import * as v from "valibot";
import { secondConnection } from "../redis/connect.ts";
import { buildQueue, keys, queuePrefix } from "../redis/keys.ts";
import { tryParseJson } from "../redis/parse-json.ts";
import { runScript, script } from "../redis/run-script.ts";
import { readSubmission, tidySubmissions } from "../redis/scripts.generated.ts";
import { timing } from "../timing.ts";
import { buildNameSchema, submissionSchema } from "./submission.ts";

const group = "engines";
/** How many submissions are read at once. */
const page = 16;
/** How long a read waits for submissions, in milliseconds. */
const blockTime = 2_000;

/** The longest submission that is read, in bytes. Its record has at most as many characters as JSON of Redis may have. */
const longestSubmission = 48 * 2 ** 20;
/** How far in the future the id of a submission may be, in milliseconds: clocks of servers differ. */
const mostAhead = 24 * 3_600_000;

const scripts = { read: script(readSubmission), tidy: script(tidySubmissions) };

/** Entries of the stream: for each its key, and its fields. */
const entriesSchema = v.array(v.tuple([v.string(), v.nullable(v.array(v.string()))]));
type Entry = v.InferOutput<typeof entriesSchema>[number];

/**
 * Accepts the builds that clients submit: copies each to the keys that only engines write, and adds it to the queue of
 * builds. One engine gets each; what an engine that died has not finished is done again by another one, without effect if
 * it was done.
 */
export class Intake implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #queue: Queue;
  readonly #consumer: string;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;

  /** @param consumer the worker's name: no other engine has it. */
  constructor(redis: Redis, consumer: string) {
    this.#redis = secondConnection(redis);
    this.#consumer = consumer;
    this.#queue = new Queue(buildQueue, { connection: this.#redis, prefix: queuePrefix });
    this.#queue.on("error", () => undefined);
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    // A read that waits, and all that waits for Redis, ends with the connection.
    this.#redis.disconnect();
    await this.#running;
    await this.#queue.close().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for (const entry of [...(await this.#abandoned()), ...(await this.#next())])
          await this.#accept(entry);
        await this.#tidy();
      } catch (error) {
        if (signal.aborted) return;
        // Clients write there. What they have made of the stream must not end the work for others.
        await this.#tidy().catch(() => undefined);
        // The group goes when Redis has lost its data; anything else is tried again.
        const isGone = error instanceof Error && error.message.startsWith("NOGROUP");
        if (!isGone || !(await this.#createGroup()))
          await sleep(blockTime, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** @returns true if the group is there. */
  async #createGroup(): Promise<boolean> {
    try {
      await this.#redis.xgroup("CREATE", keys.submissions, group, "0", "MKSTREAM");
      return true;
    } catch (error) {
      // Another engine has made it.
      return error instanceof Error && error.message.startsWith("BUSYGROUP");
    }
  }

  /** Makes the stream usable again if a client has made it unusable. */
  async #tidy(): Promise<void> {
    await runScript(this.#redis, scripts.tidy, { keys: [keys.submissions], args: [mostAhead] });
  }

  /** What an engine has taken that did not finish it. */
  async #abandoned(): Promise<readonly Entry[]> {
    const options = [keys.submissions, group, this.#consumer, timing.claim, "0", "COUNT", page] as const;
    const [, entries] = await this.#redis.xautoclaim(...options);
    return v.parse(entriesSchema, entries);
  }

  async #next(): Promise<readonly Entry[]> {
    const answer = await this.#redis.xreadgroup(
      ...(["GROUP", group, this.#consumer, "COUNT", page, "BLOCK", blockTime, "STREAMS"] as const),
      ...([keys.submissions, ">"] as const),
    );
    const [[, entries] = []] =
      v.parse(v.nullable(v.array(v.tuple([v.string(), entriesSchema]))), answer) ?? [];
    return entries ?? [];
  }

  async #accept([key, fields]: Entry): Promise<void> {
    const name = v.safeParse(buildNameSchema, fields?.[1]);
    if (name.success) await this.#acceptBuild(name.output);
    await this.#redis.multi().xack(keys.submissions, group, key).xdel(keys.submissions, key).exec();
  }

  async #acceptBuild(build: string): Promise<void> {
    const input = { keys: [keys.submission(build)], args: [longestSubmission] };
    const text = v.parse(v.nullable(v.string()), await runScript(this.#redis, scripts.read, input));
    const submission = tryParseJson(submissionSchema, text);
    if (submission) {
      const { record, secrets } = submission;
      // What stands there stays: a record is written once.
      const steps = this.#redis.multi().hsetnx(keys.build(build), "record", record);
      if (secrets !== undefined) steps.set(keys.secrets(build), secrets, "PX", timing.running, "NX");
      await steps.pexpire(keys.build(build), timing.running).exec();
    }
    if ((await this.#redis.exists(keys.build(build))) === 1) await this.#enqueue(build);
    await this.#redis.del(keys.submission(build));
  }

  async #enqueue(build: string): Promise<void> {
    const job = { v: 1, build };
    await this.#queue.add("build", job, {
      jobId: `b-${build}`,
      // An engine that stops hands its builds over by failing.
      attempts: 1_000_000,
      backoff: { type: "fixed", delay: 500 },
      removeOnComplete: true,
      removeOnFail: true,
    });
  }
}
