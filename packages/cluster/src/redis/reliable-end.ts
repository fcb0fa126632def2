import type { Redis, RedisOptions } from "ioredis";

/**
 * Makes a connection, and its duplicates, end at any time. Between two tries to connect, ioredis (6.0.0) ends its own neither
 * with the event `end`, which BullMQ waits for, nor with an error for the commands that wait.
 */
export function withReliableEnd(redis: Redis): Redis {
  const end = redis.disconnect.bind(redis);
  const duplicate = redis.duplicate.bind(redis);
  return Object.assign(redis, {
    disconnect: (reconnect = false) => {
      // As before its first try, when ioredis does both.
      if (redis.status === "reconnecting" && !reconnect) redis.status = "wait";
      end(reconnect);
    },
    // BullMQ makes connections of its own by it.
    duplicate: (changes?: Partial<RedisOptions>) => withReliableEnd(duplicate(changes)),
  });
}
