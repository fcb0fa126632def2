import type { LayerId } from "@ob/core";
import type { Redis } from "ioredis";
import { keys } from "../redis/keys.ts";
import { runScript, script } from "../redis/run-script.ts";
import { append } from "../redis/scripts.generated.ts";
import { timing } from "../timing.ts";
import type { ArchivedChunk, LogArchive } from "./archive.ts";
import { type LogEnd, toEntries } from "./log-entry.ts";

const appendScript = script(append);

/** The size of a batch, in bytes. */
const batchSize = 32 * 1024;
/** How much of a log Redis holds, in bytes. What is older goes to the archive in chunks of a mebibyte. */
const streamLimit = 8 * 2 ** 20;
const chunkSize = 2 ** 20;
/** How much output waits while Redis is away, in bytes. */
const pendingLimit = 8 * 2 ** 20;

export interface LogWriterOptions {
  readonly redis: Redis;
  readonly id: LayerId;
  /** Who has the claim on the layer: the output of others is refused. */
  readonly owner: string;
  /** Without one the beginning of a longer log is dropped. */
  readonly archive?: LogArchive | undefined;
}

/** Sends the output of a step to its stream, in batches. The layer's own log has all of it in any case. */
export class LogWriter {
  readonly #options: LogWriterOptions;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #dropped = 0;
  #streamBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /** Takes output, until the end; never waits. */
  write(bytes: Uint8Array): void {
    if (this.#ended) return;
    if (this.#pendingBytes + bytes.length > pendingLimit) {
      this.#dropped += bytes.length;
      return;
    }
    this.#pending.push(bytes.slice());
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= batchSize) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), timing.logBatch);
  }

  /** Sends what is left, and the end. Rejects only with errors of Redis. */
  async end(outcome: LogEnd): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#flush();
    await this.#sending;
    await this.#append("end", outcome);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One batch is on its way at a time; what comes meanwhile goes with the next.
    this.#sending = this.#sending.then(() => this.#send()).catch(() => undefined);
  }

  async #send(): Promise<void> {
    while (this.#pendingBytes > 0) {
      const all = Buffer.concat(this.#pending);
      this.#pending = [];
      this.#pendingBytes = 0;
      const note = this.#dropped > 0 ? `\n[${this.#dropped} bytes of output could not be sent]\n` : "";
      this.#dropped = 0;
      const bytes = note === "" ? all : Buffer.concat([all, Buffer.from(note)]);
      for (let at = 0; at < bytes.length; at += batchSize) {
        await this.#append("bytes", bytes.subarray(at, at + batchSize));
      }
      this.#streamBytes += bytes.length;
      while (this.#streamBytes > streamLimit) await this.#archiveChunk();
    }
  }

  async #append(field: "bytes" | "end", value: Buffer | string): Promise<void> {
    const { redis, id, owner } = this.#options;
    const input = {
      keys: [keys.claim(id), keys.layer(id), keys.log(id)],
      args: [owner, timing.claim, timing.running, field, value],
    };
    await runScript(redis, appendScript, input);
  }

  /** Moves the oldest entries to the archive. They are in one of the two places at any time. */
  async #archiveChunk(): Promise<void> {
    const { redis, id, archive } = this.#options;
    const key = keys.log(id);
    const raw = await redis.xrangeBuffer(key, "-", "+", "COUNT", 2 * Math.ceil(chunkSize / batchSize));
    const [oldest, ...others] = toEntries(raw);
    if (!oldest || !("bytes" in oldest)) {
      this.#streamBytes = 0;
      return;
    }
    const chunk = [oldest.bytes];
    let length = oldest.bytes.length;
    let next = others.shift();
    while (next && "bytes" in next && length + next.bytes.length <= chunkSize) {
      chunk.push(next.bytes);
      length += next.bytes.length;
      next = others.shift();
    }
    const name = await archive?.put(Buffer.concat(chunk)).catch(() => undefined);
    const record: ArchivedChunk = { v: 1, at: oldest.at, length, ...(name !== undefined && { name }) };
    await redis.rpush(keys.archived(id), JSON.stringify(record));
    await redis.pexpire(keys.archived(id), timing.running);
    if (next) await redis.xtrim(key, "MINID", next.key);
    else await redis.xtrim(key, "MAXLEN", 0);
    this.#streamBytes -= length;
  }
}
