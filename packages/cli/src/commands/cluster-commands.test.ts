import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type ObEvent, ObError } from "@ob/core";
import { expect, test } from "vitest";
import type {
  ClusterConnection,
  ClusterServices,
  ClusterSubmission,
  OpenClusterOptions,
  StartWorkerOptions,
} from "../cluster/cluster-ports.ts";
import { clusterServices } from "../cluster/cluster-services.ts";
import { temporaryDirectory } from "../testing/directory.ts";
import { createInterrupts, fakeServices, obuilder, type RunOptions } from "../testing/run.ts";
import { idOf, stepOf } from "../testing/terminal.ts";

const spec = '((from debian-12) (run (shell "make")))';
const env = { OBUILDER_QUEUE: "redis://127.0.0.1:6379", OBUILDER_REGISTRY: "reg.example/ob" };

/** A cluster that has one build, `b1`. */
class FakeCluster {
  readonly opened: OpenClusterOptions[] = [];
  readonly submitted: ClusterSubmission[] = [];
  readonly started: StartWorkerOptions[] = [];
  readonly told: string[] = [];
  attach: ClusterConnection["attach"] = async (_build, { emit }) => {
    const step = stepOf(idOf("a"), '/: (run (shell "make"))', idOf("b"));
    const events: readonly ObEvent[] = [
      { type: "step-started", step },
      { type: "step-output", step, bytes: Buffer.from("made\n") },
      { type: "step-finished", step, outcome: "saved", milliseconds: 5 },
    ];
    for (const event of events) emit(event);
    return idOf("a");
  };

  get services() {
    const cluster: ClusterServices = {
      ...clusterServices,
      open: async (options) => {
        this.opened.push(options);
        return this.#connection();
      },
      // One that is drained at once.
      startWorker: async (options) => {
        this.started.push(options);
        const { name, pools, slots = 1 } = options;
        const nothing = { [Symbol.asyncDispose]: async () => undefined };
        const worker = {
          name,
          drain: async () => undefined,
          drained: Promise.resolve(),
          status: () => ({ name, pools: [...pools], slots, running: 0, draining: true }),
          queues: async () => [],
          boardQueues: async () => [],
          ...nothing,
        };
        return { pools, worker, pingRegistry: async () => undefined, ...nothing };
      },
    };
    return { ...fakeServices(), cluster: async () => cluster };
  }

  async run(args: readonly string[], options: RunOptions = {}) {
    return await obuilder(args, { services: this.services, env, ...options });
  }

  #connection(): ClusterConnection {
    return {
      submit: async (_request, submission) => {
        this.submitted.push(submission);
        return "b1";
      },
      find: async () => ({ client: "c", steps: 2, parallel: false }),
      attach: async (build, options) => await this.attach(build, options),
      cancel: async (build) => void this.told.push(`cancel ${build}`),
      drain: async (worker) => void this.told.push(`drain ${worker}`),
      status: async () => ({
        workers: [{ v: 1, name: "w1", host: "h1", pools: ["p1"], slots: 2, running: 1, draining: false }],
        pools: [{ name: "p1", waiting: 3, running: 1 }],
        builds: 1,
      }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

test("submit shows a build as build does, with its exit codes", async () => {
  const cluster = new FakeCluster();
  const args = ["submit", "-f", "-", "--priority", "2", "--client", "ci", "--pool", "p1", "."];
  const done = await cluster.run(args, { stdin: spec });
  expect(done.code, done.stderr).toBe(0);
  expect(done.stdout).toMatch(/^made\n---> saved as "a{64}"\n[^]*Got: "a{64}"\n$/m);
  expect(cluster.submitted).toMatchObject([{ client: "ci", priority: 2, pool: "p1" }]);
  cluster.attach = async () => {
    throw new ObError("STEP_FAILED", "The command failed.");
  };
  expect((await cluster.run(args, { stdin: spec })).code).toBe(1);
});

test("submit --detach prints the name of the build, which attach shows", async () => {
  const cluster = new FakeCluster();
  const detached = await cluster.run(["submit", "--detach", "-f", "-", "."], { stdin: spec });
  expect(detached).toMatchObject({ code: 0, stdout: "b1\n" });
  expect((await cluster.run(["attach", "b1"])).stdout).toContain("made\n");
});

test("an interrupted submit leaves the build running where nobody can be asked, and says how to attach", async () => {
  const cluster = new FakeCluster();
  const interrupts = createInterrupts();
  cluster.attach = async () => {
    interrupts.interrupt("SIGINT");
    throw new ObError("CANCELLED", "Cancelled at user's request");
  };
  const left = await cluster.run(["submit", "-f", "-", "."], { stdin: spec, interrupts });
  expect(left.code).toBe(130);
  expect(left.stderr).toContain("obuilder attach b1 shows it, obuilder cancel b1 ends it.");
  expect(cluster.told).toEqual([]);
});

test("submit sends contexts to a registry of their own where one is given", async () => {
  const cluster = new FakeCluster();
  const args = ["submit", "--detach", "-f", "-", "."];
  await cluster.run(args, { stdin: spec });
  expect(cluster.opened.at(-1)?.contextRegistry).toBeUndefined();
  const ref = "contexts.example/ob";
  await cluster.run([...args, "--context-registry", ref, "--registry-insecure"], { stdin: spec });
  expect(cluster.opened.at(-1)?.contextRegistry).toEqual({ ref, insecure: true });
  await cluster.run(args, { stdin: spec, env: { ...env, OBUILDER_CONTEXT_REGISTRY: ref } });
  expect(cluster.opened.at(-1)).toMatchObject({
    registry: { ref: "reg.example/ob" },
    contextRegistry: { ref, insecure: false },
  });
});

test("submit wants to be asked before the layers of a spec with secrets are shared, and for a key", async () => {
  const cluster = new FakeCluster();
  await using directory = await temporaryDirectory();
  const secret = path.join(import.meta.dirname, "cluster.ts");
  const stdin = '((from debian-12) (run (secrets (token (target /token))) (shell "make")))';
  const args = ["submit", "--detach", "-f", "-", "--secret", `token:${secret}`, directory.path];
  const refused = await cluster.run(args, { stdin });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("--secret-layers");
  const keyless = await cluster.run([...args, "--secret-layers"], { stdin });
  expect(keyless.code).toBe(2);
  expect(keyless.stderr).toContain("--recipient");
  const given = await cluster.run([...args, "--secret-layers", "--recipient", "age1x"], { stdin });
  expect(given.code, given.stderr).toBe(0);
  expect(cluster.submitted).toMatchObject([{ recipients: ["age1x"] }]);
});

test("the password of Redis comes from the environment or a file, and is in no message", async () => {
  const cluster = new FakeCluster();
  await using directory = await temporaryDirectory();
  const secret = { ...env, OBUILDER_QUEUE_PASSWORD: "p@ss/word" };
  await cluster.run(["cancel", "b1"], { env: secret });
  expect(cluster.opened.at(-1)?.redis.url).toBe("redis://:p%40ss%2Fword@127.0.0.1:6379");
  const wrong = ["cluster", "status", "--queue", "http://user:p@ss/word@host"];
  const refused = await obuilder(wrong, {
    services: { ...fakeServices(), cluster: async () => clusterServices },
  });
  expect(refused.code).toBe(2);
  expect(refused.stderr).not.toMatch(/p@ss|word/);
  const missing = await cluster.run(["cluster", "status", "--queue-password-file", `${directory.path}/none`]);
  expect(missing.code).toBe(2);
});

test("cancel and cluster drain tell the cluster, and cluster status shows it", async () => {
  const cluster = new FakeCluster();
  expect((await cluster.run(["cancel", "b1"])).code).toBe(0);
  expect((await cluster.run(["cluster", "drain", "w1"])).code).toBe(0);
  expect(cluster.told).toEqual(["cancel b1", "drain w1"]);
  const { stdout } = await cluster.run(["cluster", "status"]);
  expect(stdout).toMatch(/^w1 +h1 +p1 +1\/2$/m);
  expect(stdout).toMatch(/1 worker, 1 build\n$/);
  const { stdout: json } = await cluster.run(["cluster", "status", "--json"]);
  expect(Object.keys(JSON.parse(json))).toEqual(["workers", "pools", "builds"]);
});

test("cluster key makes a key once, readable by its owner only, and prints its public part", async () => {
  await using directory = await temporaryDirectory();
  const cluster = new FakeCluster();
  const file = path.join(directory.path, "pool.key");
  const made = await cluster.run(["cluster", "key", "--new", file]);
  expect(made.stdout).toMatch(/^age1[a-z0-9]+\n$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await cluster.run(["cluster", "key", file])).toMatchObject({ code: 0, stdout: made.stdout });
  expect((await cluster.run(["cluster", "key", "--new", file])).code).toBe(2);
  expect(await readFile(file, "utf8")).toContain(made.stdout.trim());
});

test("what a command of a cluster lacks is said before anything is opened", async () => {
  const cluster = new FakeCluster();
  for (const args of [
    ["submit", "-f", "-", "."],
    ["attach"],
    ["cancel"],
    ["worker", "--store=qemu:/nonexistent"],
    ["cluster"],
    ["cluster", "drain"],
    ["cluster", "status", "x"],
    ["submit", "--priority", "9", "-f", "-", "."],
  ]) {
    expect((await cluster.run(args, { env: {}, stdin: spec })).code, args.join(" ")).toBe(2);
  }
  expect(cluster.opened).toEqual([]);
});

test("worker --warm keeps machines ready, in no more than its slots", async () => {
  const cluster = new FakeCluster();
  await using directory = await temporaryDirectory();
  const args = ["worker", `--store=qemu:${directory.path}`, "--name", "w1", "--pool", "p1"];
  const ended = await cluster.run([...args, "--slots", "2", "--warm", "2"]);
  expect(ended.code, ended.stderr).toBe(0);
  await cluster.run(args);
  expect(cluster.started).toMatchObject([
    { slots: 2, warm: 2 },
    { slots: 1, warm: 0 },
  ]);
  const refused = await cluster.run([...args, "--warm", "2"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("--warm 2 is more than the 1 slot of --slots");
  expect(cluster.started).toHaveLength(2);
});

test("an error that ends a worker is a line of its JSON log, too, with the same exit code", async () => {
  const cluster = new FakeCluster();
  const fails = (error: Error) => {
    const startWorker = async () => {
      throw error;
    };
    const connected = { ...clusterServices, startWorker };
    return { ...cluster.services, cluster: async () => connected };
  };
  const worker = async (error: Error, ...args: readonly string[]) =>
    await cluster.run(["worker", "--store=qemu:/s", "--name=w1", ...args], { services: fails(error) });
  const away = new ObError("STORE", "Cannot reach Redis.\n\u001b[2J", { hint: "Start it." });
  const text = await worker(away);
  expect(text).toMatchObject({ code: 4, stdout: "", stderr: expect.stringContaining("Cannot reach Redis.") });
  const json = await worker(away, "--log-format=json");
  expect(json).toMatchObject({ code: 4, stderr: "" });
  const line = { level: "error", event: "failed", worker: "w1", code: "STORE", hint: "Start it." };
  expect(JSON.parse(json.stdout)).toMatchObject(line);
  // oxlint-disable-next-line no-control-regex -- It is looked for.
  expect(json.stdout).toMatch(/^[^\n\u001b]+\n$/);
  const bug = await worker(new TypeError("x is not a function"), "--log-format=json");
  expect([bug.code, JSON.parse(bug.stdout)]).toMatchObject([
    4,
    { text: "x is not a function", stack: expect.stringContaining("TypeError") },
  ]);
  const noQueue = await cluster.run(["worker", "--log-format=json"], { env: {} });
  expect([noQueue.code, JSON.parse(noQueue.stdout)]).toMatchObject([2, { code: "USAGE" }]);
});
