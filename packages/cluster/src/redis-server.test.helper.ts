import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type LayerId, layerId, sha256 } from "@ob/core";
import type { Redis } from "ioredis";
import { connectRedis } from "./redis/connect.ts";

/** A Redis server of a test, on a unix socket. */
export interface RedisServer extends AsyncDisposable {
  /** See `RedisAddress.url`. */
  readonly url: string;
  /** Connections that are closed with the server. */
  connect(role?: "worker" | "client"): Promise<Redis>;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
  /** It does not answer until the value is disposed of. */
  freeze(): Disposable;
  /** Starts it again, with what its append-only file has. */
  start(): Promise<void>;
}

export interface RedisServerOptions {
  /** A program that runs it in its own place, with its first arguments: `ip netns exec NAME`. */
  readonly through?: readonly string[];
  /** Where it also listens for TCP, on all addresses of that place; by default nowhere. */
  readonly port?: number;
}

export async function startRedis({ through = [], port = 0 }: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), "ob-redis-"));
  const url = join(directory, "redis.sock");
  const connections: Redis[] = [];
  let server: ChildProcess | undefined;
  const kill = async () => {
    if (!server) return;
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
    server = undefined;
  };
  const start = async () => {
    const settings = ["--port", `${port}`, "--unixsocket", url, "--dir", directory, "--save", ""];
    const open = port === 0 ? [] : ["--bind", "0.0.0.0", "--protected-mode", "no"];
    const kept = ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"];
    const [program, ...before] = [...through, "redis-server"];
    server = spawn(program, [...before, ...settings, ...open, ...kept], { stdio: "ignore" });
    await once(server, "spawn");
    // A client tries for some seconds until the server answers.
    const probe = await untilConnected(url);
    probe.disconnect();
  };
  await start();
  return {
    url,
    connect: async (role = "client") => {
      const redis = await connectRedis({ url }, role);
      connections.push(redis);
      return redis;
    },
    kill,
    freeze: () => {
      server?.kill("SIGSTOP");
      return { [Symbol.dispose]: () => void server?.kill("SIGCONT") };
    },
    start,
    [Symbol.asyncDispose]: async () => {
      for (const redis of connections) redis.disconnect();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function untilConnected(url: string): Promise<Redis> {
  for (;;) {
    try {
      return await connectRedis({ url }, "client");
    } catch {
      await sleep(50);
    }
  }
}

/** An id for tests. */
export function id(name: string): LayerId {
  return layerId(sha256(name));
}

/** Waits until `condition` holds; the test's own deadline ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}
