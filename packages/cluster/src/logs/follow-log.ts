import { type LayerId, throwIfCancelled } from "@ob/core";
import type { Redis } from "ioredis";
import { BlockingReads } from "../redis/blocking-reads.ts";
import { keys } from "../redis/keys.ts";
import { tryParseJson } from "../redis/parse-json.ts";
import { type ArchivedChunk, archivedChunkSchema, type LogArchive } from "./archive.ts";
import { type LogEnd, type LogEntry, toEntries } from "./log-entry.ts";

export interface FollowLogOptions {
  readonly redis: Redis;
  readonly id: LayerId;
  readonly archive?: LogArchive | undefined;
  /** For reads that wait; by default a connection of its own. */
  readonly blocking?: BlockingReads | undefined;
  /** The offset of the first byte that is wanted; by default 0. */
  readonly from?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Fires when nothing more will come; what is there is read to its end. */
  readonly over?: AbortSignal | undefined;
  /** Called when an attempt has ended: true if the log ends there. By default every end is the end. */
  readonly isEnd?: (end: LogEnd) => boolean;
  /** Asked every second without output: false if whoever writes has gone. */
  readonly isAlive?: () => Promise<boolean>;
}

/** How many entries are read at once; each has up to 32 KiB. */
const page = 64;
/** How long a read waits, in milliseconds. */
const blockTime = 1_000;

/**
 * The log of a layer from an offset on, while it is written. From whatever offset it begins, the bytes are the same. If
 * an attempt to make the layer has died the output of the next one follows.
 */
export async function* followLog(options: FollowLogOptions): AsyncGenerator<Buffer> {
  const { signal, over, isEnd = () => true, isAlive } = options;
  let { from = 0 } = options;
  await using reader = new StreamReader(options);
  let position = 0;
  const wanted = (bytes: Buffer, at: number) => bytes.subarray(Math.max(0, from - at));
  for (;;) {
    throwIfCancelled(signal);
    // Whether more can come must be known before the look, or the last of it would be missed.
    const isOver = over?.aborted ?? false;
    const entries = await reader.read(isOver);
    for (const entry of entries) {
      if (entry.at > position) {
        for await (const chunk of archivedBytes(options, { from: position, to: entry.at })) {
          const bytes = wanted(chunk.bytes, chunk.at);
          if (bytes.length > 0) yield bytes;
        }
      }
      // A new log in place of one that has ended: the caller has none of it.
      if (entry.at < position) from = 0;
      position = entry.at;
      if ("end" in entry) {
        if (isEnd(entry.end)) return;
        continue;
      }
      const bytes = wanted(entry.bytes, entry.at);
      position += entry.bytes.length;
      if (bytes.length > 0) yield bytes;
    }
    if (entries.length > 0) continue;
    if (isOver || (isAlive && !(await isAlive()))) return;
  }
}

/** Reads a stream from its start: by pages first, then as entries come. */
class StreamReader implements AsyncDisposable {
  readonly #options: FollowLogOptions;
  readonly #blocking: BlockingReads;
  #last = "0";
  /** True if the last read has come to the end of the stream: the next one can wait at once. */
  #isAtEnd = false;

  constructor(options: FollowLogOptions) {
    this.#options = options;
    this.#blocking = options.blocking ?? new BlockingReads(options.redis);
  }

  /** The next entries; none if none came within a second, or at once if `isOver`. */
  async read(isOver: boolean): Promise<readonly LogEntry[]> {
    const { redis, id } = this.#options;
    const mayWait = this.#isAtEnd && !isOver;
    const now = mayWait ? null : await redis.xreadBuffer("COUNT", page, "STREAMS", keys.log(id), this.#last);
    const answer = now ?? (isOver ? null : await this.#wait());
    const entries = toEntries(answer?.[0]?.[1] ?? []);
    this.#isAtEnd = entries.length < page;
    this.#last = entries.at(-1)?.key ?? this.#last;
    return entries;
  }

  async #wait() {
    const { id, signal, over } = this.#options;
    const last = this.#last;
    return await this.#blocking.read(
      (redis) => redis.xreadBuffer("COUNT", page, "BLOCK", blockTime, "STREAMS", keys.log(id), last),
      [signal, over],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A given one stays the caller's.
    if (!this.#options.blocking) await this.#blocking[Symbol.asyncDispose]();
  }
}

/** What the archive has between two offsets, in order. What it has lost is said in its place. */
async function* archivedBytes(
  { redis, id, archive }: FollowLogOptions,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<{ readonly at: number; readonly bytes: Buffer }> {
  for (const text of await redis.lrange(keys.archived(id), 0, -1)) {
    const chunk = tryParseJson(archivedChunkSchema, text);
    if (!chunk || chunk.at + chunk.length <= from || chunk.at >= to) continue;
    const found = await bytesOf(chunk, archive);
    const skipped = Math.max(0, from - chunk.at);
    yield { at: chunk.at + skipped, bytes: found.subarray(skipped, to - chunk.at) };
  }
}

async function bytesOf({ length, name }: ArchivedChunk, archive: LogArchive | undefined): Promise<Buffer> {
  const found = name === undefined ? undefined : await archive?.get(name);
  if (found?.length === length) return Buffer.from(found);
  return Buffer.from(`[${length} bytes of the log were not kept]\n`);
}
