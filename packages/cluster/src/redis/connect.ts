import { errorMessage, ObError } from "@ob/core";
import { Redis, type RedisOptions } from "ioredis";
import { withReliableEnd } from "./reliable-end.ts";

export interface RedisAddress {
  /** `redis://HOST:PORT`, `rediss://USER:PASSWORD@HOST:PORT` for TLS, or the absolute path of a unix socket. */
  readonly url: string;
  /** For `rediss://`: the client's certificate, its key, and who signs the server's, as PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
}

/** The longest wait between two tries to connect, in milliseconds. */
const longestDelay = 2_000;

/** How often a client tries before it gives up: some five seconds. */
const clientTries = 6;

/**
 * Connects to Redis. A worker tries for ever: what it has in hand goes on while Redis is away. A client gives up after
 * some seconds.
 *
 * @throws ObError `USAGE` for an address that is none; `STORE` if a client cannot connect.
 */
export async function connectRedis(address: RedisAddress, role: "worker" | "client"): Promise<Redis> {
  const redis = makeRedis(address, role);
  // Without a listener each failed try to connect would end the process; commands say themselves that they failed.
  let last: unknown;
  redis.on("error", (error: unknown) => {
    last = error;
  });
  if (role === "worker") {
    void redis.connect().catch(() => undefined);
    return redis;
  }
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw unreachable(address, last ?? error);
  }
}

/** A second connection of the same kind, for commands that wait. The caller disconnects it. */
export function secondConnection(redis: Redis): Redis {
  const second = redis.duplicate({ lazyConnect: false });
  second.on("error", () => undefined);
  return second;
}

/** Runs commands of a client; what goes wrong with Redis is said in words. */
export async function withRedisErrors<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ObError) throw error;
    throw new ObError("STORE", `Cannot ${what}: ${errorMessage(error)}`, { cause: error });
  }
}

function makeRedis({ url, tls }: RedisAddress, role: "worker" | "client"): Redis {
  const backoff = (times: number) => Math.min(longestDelay, 50 * 2 ** times);
  const options = {
    lazyConnect: true,
    // BullMQ requires it of what its workers use.
    maxRetriesPerRequest: role === "worker" ? null : clientTries,
    retryStrategy: (times: number) => (role === "client" && times > clientTries ? null : backoff(times)),
    ...(tls && { tls }),
  } as const satisfies RedisOptions;
  if (url.startsWith("/")) return withReliableEnd(new Redis({ ...options, path: url }));
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return withReliableEnd(new Redis(url, options));
  throw new ObError(
    "USAGE",
    `${JSON.stringify(withoutPassword(url))} is not the address of a Redis server.`,
    {
      hint: "It has the form redis://HOST:PORT, or rediss://USER:PASSWORD@HOST:PORT for TLS.",
    },
  );
}

function unreachable({ url }: RedisAddress, cause: unknown): ObError {
  const place = withoutPassword(url);
  return new ObError("STORE", `Cannot reach Redis at ${place}: ${errorMessage(cause)}`, {
    cause,
    hint: "Look whether the server runs, and whether this host may connect to it.",
  });
}

/** An address as it may be shown. What is before the last `@` can be a password that was not encoded. */
function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/*)?.*@/is, "$1");
}
