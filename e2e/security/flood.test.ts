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

/** A process with an idle event loop: what it measures is the host's doing. */
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
  const start = performance.now();
  process.kill(pid, "SIGINT");
  await once(started, "exit");
  const end = performance.now() - start;
  return { growth: most - before, end, stall: Number(await readFile(file, "utf8")), code: started.exitCode };
}

describe("a guest that prints without end", { timeout: 400_000 }, () => {
  it("is held up by a slow reader: memory is bounded, the event loop answers, and Ctrl-C ends it", async () => {
    // The same while nothing floods: a host with more work than processors stalls every process.
    const control = path.join(store.work, "idle");
    const idle = idleProcess(control);
    const began = performance.now();
    execFileSync(process.execPath, ["-e", ""]);
    const slowness = Math.max(1, (performance.now() - began) / 60);
    const measured = await Promise.all(floods.map(measure));
    idle.kill("SIGINT");
    await idle;
    const hostStall = Number(await readFile(control, "utf8"));
    for (const [index, { growth, end, stall, code }] of measured.entries()) {
      const name = `${floods[index]?.name}: ${JSON.stringify({ growth, end, stall, hostStall, slowness })}`;
      expect(code, name).toBe(130);
      expect(growth, name).toBeLessThan(100 * mebibyte);
      expect(stall, name).toBeLessThan(250 * slowness + 2 * hostStall);
      expect(end, name).toBeLessThan(1_000 * slowness + 2 * hostStall);
    }
  });
});
