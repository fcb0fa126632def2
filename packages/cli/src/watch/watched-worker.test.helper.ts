import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  attachBuild,
  cancelBuild,
  clusterStatus,
  drainWorker,
  findBuild,
  connectRedis,
  type LayerTransport,
  startWorker,
  submitBuild,
  type SubmitOptions,
  watchWith,
} from "@ob/cluster";
import { disposableWith, type LayerId, ObError, sha256 } from "@ob/core";
import { FakeSandbox, MemoryCache, MemoryStore } from "@ob/core/testing";
import { parseSpec } from "@ob/spec";
import type { ClusterServices, StartWorkerOptions } from "../cluster/cluster-ports.ts";
import { clusterServices } from "../cluster/cluster-services.ts";
import type { Services } from "../services.ts";
import { createInterrupts, fakeServices, type RunResult } from "../testing/run.ts";
import { main } from "../main.ts";
import { inputOf, Screen } from "../testing/terminal.ts";

export const pool = "linux-amd64-kvm-2g";
type Redis = Awaited<ReturnType<typeof connectRedis>>;

/** A real Redis server, on a unix socket. */
export interface TestRedis extends AsyncDisposable {
  /** The path of its socket. */
  readonly url: string;
  readonly connection: Redis;
  /** It does not answer until the value is disposed of. */
  freeze(): Disposable;
}

export async function startRedis(): Promise<TestRedis> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "ob-redis-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const url = join(directory, "redis.sock");
  const settings = ["--port", "0", "--unixsocket", url, "--dir", directory, "--save", ""];
  const server = spawn("redis-server", settings, { stdio: "ignore" });
  stack.defer(async () => await killed(server));
  await once(server, "spawn");
  const connection = await connected(url);
  stack.defer(() => connection.disconnect());
  const freeze = () => {
    server.kill("SIGSTOP");
    return { [Symbol.dispose]: () => void server.kill("SIGCONT") };
  };
  return disposableWith({ url, connection, freeze }, stack);
}

async function killed(server: ChildProcess): Promise<void> {
  const exited = once(server, "exit");
  server.kill("SIGKILL");
  await exited;
}

async function connected(url: string): Promise<Redis> {
  for (;;) {
    try {
      return await connectRedis({ url }, "client");
    } catch {
      await sleep(50);
    }
  }
}

/** The commands of a guest that waits until the test goes on, and what has been reached. */
export interface Gate {
  readonly reached: Promise<void>;
  open(): void;
}

/** A worker of the command line whose guest, store and registry are simulated; Redis and its HTTP server are real. */
export interface WatchedWorker extends AsyncDisposable {
  /** Where it is watched; empty without `--http`. */
  readonly url: string;
  readonly redis: TestRedis;
  readonly result: Promise<RunResult>;
  /** What it has written on standard output. */
  stdout(): string;
  /** As a signal does. */
  stop(): void;
  /** Whether the registry answers. */
  setRegistry(isThere: boolean): void;
  /** The command `wait` waits for it. */
  readonly gate: Gate;
  /** Submits a build, and waits for its end. */
  build(spec: string, options?: Partial<SubmitOptions>): Promise<LayerId | ObError>;
}

export async function startWatchedWorker(
  redis: TestRedis,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<WatchedWorker> {
  await using stack = new AsyncDisposableStack();
  const interrupts = createInterrupts();
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const registry = { isThere: true };
  const guest = async (command: string) => {
    if (command === "wait") reached.resolve();
    if (command === "wait") await opened.promise;
    return command === "fail" ? 3 : 0;
  };
  const services = simulated(guest, registry);
  const [stdout, stderr] = [new Screen(), new Screen()];
  const given = ["worker", "--queue", redis.url, "--registry", "reg.example/ob", "--store=qemu:/nonexistent"];
  const io = { stdin: inputOf(""), stdout, stderr, env };
  const { signal, cause: interruptedBy } = interrupts;
  const running = main([...given, "--name", "w1", ...args], { ...io, signal, interruptedBy }, { services });
  const result = running.then((code) => ({ code, stdout: stdout.text, stderr: stderr.text }));
  const stop = () => {
    if (interrupts.cause() === undefined) interrupts.interrupt("SIGTERM");
  };
  stack.defer(async () => {
    opened.resolve();
    stop();
    await result;
  });
  while (!/is ready|"ready"/.test(stdout.text)) {
    const ended = await Promise.race([result, sleep(10)]);
    if (ended) throw new Error(`The worker has ended: ${ended.stderr}`);
  }
  const build = async (spec: string, options: Partial<SubmitOptions> = {}) =>
    await runBuild(spec, { redis, options });
  return disposableWith(
    {
      url: /http:[^"\s]+/.exec(stdout.text)?.[0] ?? "",
      gate: { reached: reached.promise, open: () => opened.resolve() },
      setRegistry: (isThere: boolean) => void (registry.isThere = isThere),
      ...{ redis, result, stop, build, stdout: () => stdout.text },
    },
    stack,
  );
}

async function runBuild(
  spec: string,
  { redis, options }: { readonly redis: TestRedis; readonly options: Partial<SubmitOptions> },
): Promise<LayerId | ObError> {
  const store = new MemoryStore({ images: ["base"] });
  const settings = { redis: redis.connection, store, poolOf: () => pool, client: "ci", ...options };
  const build = await submitBuild({ spec: parseSpec(spec), sourceDirectory: "/nonexistent" }, settings);
  return await attachBuild(build, { redis: redis.connection, emit: () => undefined }).catch(
    (error: ObError) => error,
  );
}

/** The services of clients: they plan on a store that knows the base image. */
export function clientServices({ connection }: TestRedis): Services {
  const store = new MemoryStore({ images: ["base"] });
  const redis = connection;
  const cluster: ClusterServices = {
    ...clusterServices,
    open: async () => ({
      submit: async (request, submission) =>
        await submitBuild(request, { ...submission, redis, store, poolOf: () => pool }),
      find: async (build) => await findBuild(redis, build),
      attach: async (build, options) => await attachBuild(build, { redis, ...options }),
      cancel: async (build) => await cancelBuild(redis, build),
      status: async () => await clusterStatus(redis),
      drain: async (worker) => await drainWorker(redis, worker),
      [Symbol.asyncDispose]: async () => undefined,
    }),
  };
  return { ...fakeServices(), cluster: async () => cluster };
}

function simulated(
  guest: (command: string) => Promise<number>,
  registry: { readonly isThere: boolean },
): Services {
  const cluster: ClusterServices = {
    ...clusterServices,
    startWorker: async (options) => await startSimulatedWorker(options, { guest, registry }),
  };
  return { ...fakeServices(), cluster: async () => cluster };
}

async function startSimulatedWorker(
  { redis, name, slots, watches, onTransfer, emit }: StartWorkerOptions,
  {
    guest,
    registry,
  }: {
    readonly guest: (command: string) => Promise<number>;
    readonly registry: { readonly isThere: boolean };
  },
) {
  await using stack = new AsyncDisposableStack();
  const store = new MemoryStore({ images: ["base"] });
  const sandbox = new FakeSandbox({ run: async ({ task }) => await guest(task.command) });
  const published = new Map<LayerId, string>();
  const transport: LayerTransport = {
    has: async (id) => published.get(id),
    localDigest: async (id) => published.get(id),
    fetch: async () => "gone",
    publish: async (id) => {
      const parent = [...store.list()].find((record) => record.id === id)?.parent;
      const digest = published.get(id) ?? sha256(id);
      published.set(id, digest);
      for (const bytes of [60, 100]) {
        onTransfer?.({ direction: "push", digest: `sha256:${digest}` as never, bytes, total: 100 });
      }
      return { digest, parent: parent && { id: parent, digest: published.get(parent) ?? "" } };
    },
  };
  const pools = [pool];
  const ports = { store, sandbox, caches: new MemoryCache(), transport, emit };
  const watch = watchWith(watches);
  const worker = stack.use(
    await startWorker({ redis, pools, name, slots, drainPatience: 500, ...ports, watch }),
  );
  const pingRegistry = async () => {
    if (!registry.isThere) throw new ObError("REGISTRY", "It is away.");
  };
  return disposableWith({ worker, pools, pingRegistry }, stack);
}
