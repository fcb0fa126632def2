import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { disposableWith, exists } from "@ob/core";

/** A Redis server with an append-only file, on a unix socket. Disposing ends it. */
export interface RedisServer extends AsyncDisposable {
  /** Absolute path. */
  readonly socket: string;
}

/** @throws Error if there is no `redis-server`, or it ends. */
export async function startRedis(): Promise<RedisServer> {
  await using stack = new AsyncDisposableStack();
  // The paths of sockets must be short.
  const directory = await mkdtemp(path.join(tmpdir(), "obr-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const socket = path.join(directory, "redis.sock");
  const kept = ["--dir", directory, "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"];
  const server = spawn("redis-server", ["--port", "0", "--unixsocket", socket, ...kept], { stdio: "ignore" });
  const exit = once(server, "exit");
  await once(server, "spawn");
  stack.defer(async () => {
    server.kill("SIGKILL");
    await exit;
  });
  while (!(await exists(socket))) {
    if (server.exitCode !== null) throw new Error("redis-server has ended");
    await delay(20);
  }
  return disposableWith({ socket }, stack);
}
