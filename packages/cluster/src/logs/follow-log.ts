import { type LayerId, throwIfCancelled } from "@ob/core";
import type { Redis } from "ioredis";
import { secondConnection } from "../redis/connect.ts";
import { keys } from "../redis/keys.ts";
import { tryParseJson } from "../redis/parse-json.ts";
import { type ArchivedChunk, archivedChunkSchema, type LogArchive } from "./archive.ts";
import { type LogEnd, type LogEntry, toEntries } from "./log-entry.ts";

export interface FollowLogOptions {
  readonly redis: Redis;
  readonly id: LayerId;
  readonly archive?: LogArchive | undefined;
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
  #last = "0";
  #waiting: Redis | undefined;

  constructor(options: FollowLogOptions) {
    this.#options = options;
  }

  /** The next entries; none if none came within a second, or at once if `isOver`. */
  async read(isOver: boolean): Promise<readonly LogEntry[]> {
    const { redis, id } = this.#options;
    const now = await redis.xreadBuffer("COUNT", page, "STREAMS", keys.log(id), this.#last);
    const answer = now ?? (isOver ? null : await this.#wait());
    const entries = toEntries(answer?.[0]?.[1] ?? []);
    this.#last = entries.at(-1)?.key ?? this.#last;
    return entries;
  }

  async #wait() {
    const { redis, id, signal, over } = this.#options;
    this.#waiting ??= secondConnection(redis);
    const waiting = this.#waiting;
    const wake = () => {
      waiting.disconnect();
      this.#waiting = undefined;
    };
    const signals = [signal, over].filter((each) => each !== undefined);
    for (const each of signals) each.addEventListener("abort", wake, { once: true });
    try {
      return await waiting.xreadBuffer(
        "COUNT",
        page,
        "BLOCK",
        blockTime,
        "STREAMS",
        keys.log(id),
        this.#last,
      );
    } catch (error) {
      // The signals end the wait by closing its connection, and the caller looks at them.
      if (signals.some((each) => each.aborted)) return null;
      throw error;
    } finally {
      for (const each of signals) each.removeEventListener("abort", wake);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#waiting?.disconnect();
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
