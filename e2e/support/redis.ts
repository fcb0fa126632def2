import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram } from "@ob/core";

/** A Redis server on the loopback, with a password. It ends when it is disposed of. */
export interface Redis extends AsyncDisposable {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  readonly password: string;
}

/** Debian's package redis-server has it. */
export async function hasRedis(): Promise<boolean> {
  return (await findProgram("redis-server")) !== undefined;
}

export async function startRedis(): Promise<Redis> {
  const directory = await mkdtemp(path.join(tmpdir(), "ob-redis-"));
  const password = crypto.randomUUID();
  const port = await freePort();
  const settings = ["--bind", "127.0.0.1", "--port", String(port), "--dir", directory, "--save", ""];
  const rest = ["--requirepass", password, "--maxmemory-policy", "noeviction"];
  const server = spawn("redis-server", [...settings, ...rest], { stdio: "ignore" });
  const exited = once(server, "exit");
  while (!(await answers(port))) await sleep(20);
  return {
    url: `redis://127.0.0.1:${port}`,
    password,
    [Symbol.asyncDispose]: async () => {
      server.kill("SIGKILL");
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return address.port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
