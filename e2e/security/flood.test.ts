import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildArguments, obuilderFile } from "../support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "../support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const preload = path.resolve(import.meta.dirname, "../support/watch-event-loop.mjs");
const mebibyte = 2 ** 20;

/** How fast the reader of standard output is, in bytes per second. */
const slow = 300_000;

/** How much of a processor's time Node.js takes to start on a fast host, in milliseconds. */
const usualStart = 60;

/** The memory of a process, in bytes. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Reads a stream at a rate, in bytes per second. */
function readSlowly(stream: NodeJS.ReadableStream, rate: number): { readonly length: () => number } {
  let length = 0;
  stream.on("data", (bytes: Buffer) => {
    length += bytes.length;
    stream.pause();
    setTimeout(() => void stream.resume(), (1000 * bytes.length) / rate);
  });
  return { length: () => length };
}

/** What `watch-event-loop.mjs` measures. */
interface EventLoop {
  readonly stall: number;
  readonly end: number;
}

async function readEventLoop(file: string): Promise<EventLoop> {
  return JSON.parse(await readFile(file, "utf8")) as EventLoop;
}

/** A process with an idle event loop: what it measures is the doing of the machine below. */
function idleProcess(file: string) {
  const env = { NODE_OPTIONS: `--import ${preload}`, OB_TEST_EVENT_LOOP: file };
  const script = "process.on('SIGINT', () => process.exit(0)); setInterval(() => undefined, 50)";
  return execa(process.execPath, ["-e", script], { env, reject: false });
}

interface Flood {
  readonly name: string;
  /** What the guest runs. */
  readonly command: string;
  readonly progress: "plain" | "json" | "tty";
}

const floods: readonly Flood[] = [
  { name: "lines in plain mode", command: "yes", progress: "plain" },
  { name: "an endless line on a display", command: "yes | tr -d '\\n'", progress: "tty" },
  { name: "random bytes on a display", command: "cat /dev/urandom", progress: "tty" },
  { name: "zeros in json mode", command: "cat /dev/zero >&2", progress: "json" },
];

/** Builds a step that prints without end for a reader that is slow, and cancels it. */
async function measure({ name, command, progress }: Flood) {
  const file = path.join(store.work, name.replaceAll(" ", "-"));
  const env = { NODE_OPTIONS: `--import ${preload}`, OB_TEST_EVENT_LOOP: file };
  const spec = `((from ${imageName}) (run (shell ${JSON.stringify(`echo begin; sleep 2; ${command}`)})))`;
  const args = await buildArguments(store, spec, { flags: [`--progress=${progress}`] });
  const started = spawn(process.execPath, [obuilderFile, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  const reader = readSlowly(started.stdout, slow);
  await expect.poll(reader.length, { timeout: 200_000, interval: 50 }).toBeGreaterThan(100_000);
  const pid = Number(await readFile(`${file}.pid`, "utf8"));
  process.kill(pid, "SIGUSR2");
  const before = await memoryOf(pid);
  let most = before;
  for (let sample = 0; sample < 30; sample++) {
    await sleep(100);
    most = Math.max(most, await memoryOf(pid));
  }
  process.kill(pid, "SIGINT");
  await once(started, "exit");
  return { growth: most - before, ...(await readEventLoop(file)), code: started.exitCode };
}

describe("a guest that prints without end", { timeout: 400_000 }, () => {
  it("is held up by a slow reader: memory is bounded, the event loop answers, and Ctrl-C ends it", async () => {
    const control = path.join(store.work, "idle");
    const idle = idleProcess(control);
    const script = "const { user, system } = process.cpuUsage(); console.log((user + system) / 1000)";
    const start = Number(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
    const slowness = Math.max(1, start / usualStart);
    const measured = await Promise.all(floods.map(measure));
    idle.kill("SIGINT");
    await idle;
    const hostStall = (await readEventLoop(control)).stall;
    for (const [index, { growth, end, stall, code }] of measured.entries()) {
      const name = `${floods[index]?.name}: ${JSON.stringify({ growth, end, stall, hostStall, slowness })}`;
      expect(code, name).toBe(130);
      expect(growth, name).toBeLessThan(100 * mebibyte);
      // Of the command's own time: a host with more work than processors stalls every process.
      expect(stall, name).toBeLessThan(250 * slowness + 2 * hostStall);
      expect(end, name).toBeLessThan(1_000 * slowness + 2 * hostStall);
    }
  });
});
