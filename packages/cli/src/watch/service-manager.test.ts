import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findProgram } from "@ob/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis, startWatchedWorker } from "./watched-worker.test.helper.ts";
import { openServiceManager } from "./service-manager.ts";

/** Prints each datagram that comes to a unix socket, with its lines joined by a blank. */
const listener = `
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + name[1:] if name.startswith("@") else name)
print("listening", flush=True)
while True:
    print(s.recv(4096).decode().strip().replace("\\n", " "), flush=True)
`;

const programs = ["systemd-notify", "python3"];
const found = await Promise.all(programs.map(findProgram));
const missing = programs.filter((_, index) => found[index] === undefined);

describe.skipIf(missing.length > 0)(`a service manager is told (without: ${missing.join(", ")})`, () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "ob-notify-"));
  });
  afterAll(async () => await rm(directory, { recursive: true, force: true }));

  async function listen(name: string) {
    const child: ChildProcess = spawn("python3", ["-c", listener, name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { stdout } = child;
    if (!stdout) throw new Error("It has an output.");
    const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    const next = async () => (await lines.next()).value as string;
    expect(await next()).toBe("listening");
    const exited = once(child, "exit");
    return {
      /** The next message that is one of the service's own: systemd-notify waits for an answer by another one. */
      next: async () => {
        let line = await next();
        while (line.startsWith("BARRIER=1")) line = await next();
        return line;
      },
      [Symbol.asyncDispose]: async () => {
        child.kill();
        await exited;
      },
    };
  }

  test.each(["a path", "an abstract name"])("of its start, its life and its end at %s", async (kind) => {
    const socket = kind === "a path" ? join(directory, "notify") : `@ob-${crypto.randomUUID()}`;
    await using heard = await listen(socket);
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "2000000", WATCHDOG_PID: `${process.pid}` };
    const warnings: string[] = [];
    await using manager = openServiceManager(
      env,
      (event) => void (event.type === "log" && warnings.push(event.text)),
    );
    manager?.ready("w1: 4 slots");
    expect(await heard.next()).toBe("READY=1 STATUS=w1: 4 slots");
    expect(await heard.next()).toBe("WATCHDOG=1");
    manager?.stopping("Finishing what runs");
    await manager?.[Symbol.asyncDispose]();
    let last = await heard.next();
    while (last === "WATCHDOG=1") last = await heard.next();
    expect(last).toBe("STOPPING=1 STATUS=Finishing what runs");
    expect(warnings).toEqual([]);
  });

  test("by a worker", async () => {
    const socket = join(directory, "of-worker");
    await using heard = await listen(socket);
    await using redis = await startRedis();
    await using worker = await startWatchedWorker(redis, [], { NOTIFY_SOCKET: socket });
    expect(await heard.next()).toBe("READY=1 STATUS=w1 builds for linux-amd64-kvm-2g");
    worker.stop();
    expect(await heard.next()).toBe("STOPPING=1 STATUS=Finishing what runs");
    expect(await worker.result).toMatchObject({ code: 0 });
  });

  test("with one warning if it cannot be told, and nothing else", async () => {
    const warnings: string[] = [];
    const env = { NOTIFY_SOCKET: join(directory, "nobody") };
    await using manager = openServiceManager(
      env,
      (event) => void (event.type === "log" && warnings.push(event.text)),
    );
    manager?.ready("ready");
    manager?.stopping("ending");
    await manager?.[Symbol.asyncDispose]();
    expect(warnings).toEqual([expect.stringContaining("cannot be told how this worker is")]);
  });
});

test("where nobody asks, nobody is told", () => {
  expect(openServiceManager({}, () => undefined)).toBeUndefined();
});
