import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDockerRegistry } from "@ob/registry/testing";
import { run } from "@ob/core";
import { type RedisServer, startRedis } from "../../../packages/cluster/src/redis-server.test.helper.ts";
import type { Bench } from "../bench.ts";
import { TestNetwork } from "../cluster-faults/network.ts";
import { imageName, newStore } from "../fixtures.ts";
import { binary } from "../obuilder.ts";
import { WorkerLog } from "./worker-log.ts";

/** How fast each machine's network is, in Mbit/s. */
export const megabits = 1_000;
/** Two virtual machines are to fit on two cores. */
const vm = ["--qemu-memory=1", "--qemu-cpus=1", "--qemu-boot-time=180", "--qemu-network=slirp"];
/** How long anything may take, in milliseconds. */
const patience = 300_000;

/** A worker that runs. */
export interface Worker {
  readonly name: string;
  readonly index: number;
  readonly store: string;
  readonly child: ChildProcess;
}

/**
 * A cluster of real virtual machines: each worker in a network namespace, with a store of its own; Redis and the registry in a
 * third one. All of it ends, and goes, when it is disposed of.
 */
export class VmCluster implements AsyncDisposable {
  readonly network: TestNetwork;
  readonly redis: RedisServer;
  readonly log = new WorkerLog();
  readonly #bench: Bench;
  readonly #workers = new Map<string, Worker>();
  readonly #ref: string;
  readonly #signal: AbortSignal;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    { network, redis, ref }: { network: TestNetwork; redis: RedisServer; ref: string },
    { bench, signal, stack }: { bench: Bench; signal: AbortSignal; stack: AsyncDisposableStack },
  ) {
    this.network = network;
    this.redis = redis;
    this.#ref = ref;
    this.#bench = bench;
    this.#signal = signal;
    this.#stack = stack;
  }

  /** @param machines how many workers there are at most. */
  static async start(
    bench: Bench,
    { machines, signal }: { machines: number; signal: AbortSignal },
  ): Promise<VmCluster> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await TestNetwork.create(machines));
    for (let index = 0; index < machines; index++) await network.limit(index, megabits);
    const { through, address } = network.hub;
    const redis = stack.use(await startRedis({ through, port: 6379 }));
    const registry = stack.use(await startDockerRegistry({ through, address: `${address}:5000` }));
    const services = { network, redis, ref: `${registry.host}/ob` };
    return new VmCluster(services, { bench, signal, stack: stack.move() });
  }

  /** A deadline for what is waited for, which also ends with the benchmark. */
  get deadline(): AbortSignal {
    return AbortSignal.any([this.#signal, AbortSignal.timeout(patience)]);
  }

  /** Pushes the base image, from a store that has it. */
  async pushImage(store: string): Promise<void> {
    const words = [
      "image",
      "push",
      `--store=qemu:${store}`,
      imageName,
      this.#ref,
      "--login-key",
      "--insecure",
    ];
    await run([...this.network.hub.through, process.execPath, binary, ...words]);
  }

  /** Starts a worker on the machine of that number. By default its store has the image. */
  async startWorker(
    index: number,
    { flags = [], store }: { readonly flags?: readonly string[]; readonly store?: string | undefined } = {},
  ): Promise<Worker> {
    const place = this.network.machines[index];
    if (!place) throw new RangeError(`there is no machine ${index}`);
    const name = `w${index}`;
    const directory = store ?? (await newStore(this.#bench));
    const words = [
      ...["worker", ...this.#queue(), ...this.#registry(), `--store=qemu:${directory}`],
      ...["--name", name, "--log-format=json", "--verbosity=debug", ...vm, ...flags],
    ];
    const seen = this.log.events.length;
    const child = this.#spawn(place.through, words);
    this.log.read(child, this.#bench.say);
    this.#workers.set(name, { name, index, store: directory, child });
    const ready = this.log.next(({ event, worker }) => event === "ready" && worker === name, {
      start: seen,
      signal: this.deadline,
    });
    const ended = once(child, "exit").then(() => Promise.reject(new Error(`the worker ${name} has ended`)));
    await Promise.race([ready, ended]);
    ended.catch(() => undefined);
    return { name, index, store: directory, child };
  }

  find(name: string): Worker | undefined {
    return this.#workers.get(name);
  }

  worker(name: string): Worker {
    const found = this.find(name);
    if (!found) throw new RangeError(`there is no worker ${name}`);
    return found;
  }

  /** Ends a worker: when it has finished what it does, or as a crash would. */
  async stopWorker({ name, child }: Worker, how: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#workers.delete(name);
    const exit = once(child, "exit");
    child.kill(how);
    await exit;
  }

  /** Submits a build. @returns its name. */
  async submit(spec: string, client = "c0"): Promise<string> {
    const file = path.join(this.#bench.directory, `${crypto.randomUUID()}.spec`);
    await writeFile(file, spec);
    const source = path.join(this.#bench.directory, "source");
    await mkdir(source, { recursive: true });
    const words = [
      "submit",
      ...this.#queue(),
      ...this.#registry(),
      "--detach",
      "--client",
      client,
      "-f",
      file,
      source,
    ];
    const { stdout } = await run([...this.network.hub.through, process.execPath, binary, ...words]);
    return stdout.trim();
  }

  /** Shows a build as a client does. */
  attach(build: string): ChildProcess {
    return this.#spawn(this.network.hub.through, ["attach", ...this.#queue(), "--progress=plain", build]);
  }

  /** Waits for builds. @throws Error if one does not end well. */
  async finished(builds: readonly string[]): Promise<void> {
    for (const build of builds) {
      const { outcome } = await this.log.next(
        (event) => event.event === "build-ended" && event.build === build,
        {
          signal: this.deadline,
        },
      );
      if (outcome === "built") continue;
      const said = this.attach(build).stdout?.setEncoding("utf8");
      const text = said ? (await said.toArray()).join("") : "";
      throw new Error(`the build ${build} has ended: ${outcome}\n${text}`);
    }
  }

  /** What a build's steps have done. */
  stepsOf(outcome: string, start = 0) {
    return this.log.events
      .slice(start)
      .filter((each) => each.event === "step-finished" && each.op === "run" && each.outcome === outcome);
  }

  /** How many bytes have gone to and come from these machines. */
  async traffic(...indices: readonly number[]): Promise<number> {
    const all = await Promise.all(indices.map(async (index) => await this.network.traffic(index)));
    return all.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Another program among those that end with the cluster. */
  spawn(through: readonly string[], argv: readonly string[]): ChildProcess {
    const [program = "", ...args] = [...through, ...argv];
    const env = { ...process.env, DOCKER_CONFIG: this.#bench.directory };
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env });
    const exit = once(child, "exit");
    this.#stack.defer(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exit;
    });
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  #spawn(through: readonly string[], words: readonly string[]): ChildProcess {
    return this.spawn(through, [process.execPath, binary, ...words]);
  }

  #queue(): readonly string[] {
    return ["--queue", `redis://${this.network.hub.address}:6379`];
  }

  #registry(): readonly string[] {
    return ["--registry", this.#ref, "--registry-insecure"];
  }
}

/** The QEMUs of a store. */
export async function qemusOf(store: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = pids.map(async (pid) => {
    const argv = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const isQemu = (argv.split("\0")[0] ?? "").includes("qemu-system");
    return isQemu && argv.includes(store) ? [Number(pid)] : [];
  });
  return (await Promise.all(found)).flat();
}

/** Waits until a store has no QEMU. @returns when that was seen, in milliseconds since the epoch. */
export async function untilNoQemu(store: string, signal: AbortSignal): Promise<number> {
  while ((await qemusOf(store)).length > 0) await sleep(10, undefined, { signal });
  return Date.now();
}
