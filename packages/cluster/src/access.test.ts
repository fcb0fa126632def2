import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isObError, type ObEvent } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { parseSpec } from "@ob/spec";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type ClusterRedis,
  type ClusterRole,
  missingForCluster,
  startClusterRedis,
} from "../../../scripts/cluster-services.mjs";
import { attachBuild } from "./client/attach-build.ts";
import { cancelBuild, clusterStatus, drainWorker } from "./client/manage.ts";
import { submitBuild } from "./client/submit-build.ts";
import { connectRedis, type RedisAddress } from "./redis/connect.ts";
import { id, until } from "./redis-server.test.helper.ts";
import { newPoolKey } from "./secrets/sealed-secrets.ts";
import { pool, sameMachine, startTestWorker } from "./test-worker.test.helper.ts";

const missing = missingForCluster().filter((program) => program !== "docker-registry");

describe.skipIf(missing.length > 0)(`with the files of deploy/ (without: ${missing.join(", ")})`, () => {
  const stack = new AsyncDisposableStack();
  let directory: string;
  let server: ClusterRedis;
  /** A user who may do everything. */
  let root: Redis;
  const password = crypto.randomUUID();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "ob-access-"));
    stack.defer(async () => await rm(directory, { recursive: true, force: true }));
    const users = [`user root on >${password} ~* &* +@all`];
    server = await startClusterRedis(join(directory, "services"), { users });
    stack.defer(async () => await server.stop());
    const { url, tls } = await addressOf("admin");
    root = await connectRedis({ url: url.replace(/\/\/.*@/, `//root:${password}@`), tls }, "client");
    stack.defer(() => root.disconnect());
  });
  afterAll(async () => await stack.disposeAsync());

  async function addressOf(role: ClusterRole): Promise<RedisAddress> {
    const read = async (name: string) => await readFile(join(server.credentials, role, name), "utf8");
    const secret = (await read("queue-password")).trim();
    return {
      url: server.redis.replace("//", `//${role}:${secret}@`),
      tls: { ca: await read("ca.crt"), cert: await read("tls.crt"), key: await read("tls.key") },
    };
  }

  async function connect(role: ClusterRole): Promise<Redis> {
    const redis = await connectRedis(await addressOf(role), "client");
    stack.defer(() => redis.disconnect());
    return redis;
  }

  /** What users have tried and were not allowed. */
  async function denials(): Promise<readonly unknown[]> {
    return (await root.acl("LOG")) as unknown[];
  }

  test("whole builds need no more than the users of Redis may", async () => {
    const key = await newPoolKey();
    const address = await addressOf("worker");
    const settings = { ...address, directory, identity: key.identity };
    const first = await startTestWorker({ ...settings, name: "w1" });
    const second = await startTestWorker({ ...settings, name: "w2", slots: 2 });
    for (const { worker } of [first, second]) stack.use(worker);
    const client = await connect("client");
    const admin = await connect("admin");
    const submit = async (text: string, priority = 0) =>
      await submitBuild(
        { spec: parseSpec(text), sourceDirectory: directory, secrets: new Map([["s", Buffer.from("x")]]) },
        {
          ...{ redis: client, poolOf: () => pool, client: "c1", contexts: sameMachine, priority },
          ...{ store: new MemoryStore({ images: ["base"] }), recipients: [key.recipient] },
        },
      );
    const attach = async (build: string) => {
      const events: ObEvent[] = [];
      const emit = (event: ObEvent) => void events.push(event);
      const result = await attachBuild(build, { redis: client, emit }).catch((error: unknown) => error);
      const outputs = events.map((event) => (event.type === "step-output" ? event.bytes.length : 0));
      return { result, length: outputs.reduce((sum, length) => sum + length, 0) };
    };
    const spec = `((build tools ((from base) (run (shell "print tools; sleep 100"))))
      (from base) (run (secrets (s (target /s))) (shell "secret; sleep 100"))
      (copy (from (build tools)) (src /a) (dst /b)) (run (shell "${"flood 4000000;sleep 100;".repeat(3)}")))`;
    const builds = [await submit(spec), await submit(spec, 4)];
    expect((await clusterStatus(client)).workers.map(({ name }) => name)).toEqual(["w1", "w2"]);
    for (const { result, length } of await Promise.all(builds.map(attach))) {
      expect(isObError(result), String(result)).toBe(false);
      // Of so long a log Redis has only the end.
      expect(length).toBeGreaterThan(8_000_000);
    }
    const failing = await attach(await submit('((from base) (run (shell "print no; fail 3")))'));
    expect(failing.result).toMatchObject({ code: "STEP_FAILED" });

    const long = '((from base) (run (shell "print started; sleep 60000")))';
    for (const canceller of [client, admin]) {
      const build = await submit(long);
      await until(async () => (await clusterStatus(admin)).pools.some(({ running }) => running > 0));
      await cancelBuild(canceller, build);
      expect((await attach(build)).result).toMatchObject({ code: "CANCELLED" });
    }
    for (const queue of await second.worker.boardQueues()) {
      const looks = [queue.getJobs(queue.getJobStatuses(), 0, 9), queue.getJob("1"), queue.getRedisInfo()];
      const counts = [queue.getJobCounts(), queue.isPaused(), queue.getGlobalConcurrency()];
      await Promise.all([...looks, ...counts, queue.getActiveRateLimitTtl(), queue.getJobSchedulersCount()]);
    }
    await drainWorker(admin, "w1");
    await first.worker.drained;
    expect(await denials()).toEqual([]);
  });

  test("the server wants a certificate, and then a password", async () => {
    const { url, tls } = await addressOf("client");
    const { cert: _cert, key: _key, ...stranger } = { ...tls };
    await expect(connectRedis({ url, tls: stranger }, "client")).rejects.toMatchObject({ code: "STORE" });
    const guest = url.replace(/\/\/.*@/, "//");
    await expect(connectRedis({ url: guest, ...(tls && { tls }) }, "client")).rejects.toMatchObject({
      code: "STORE",
      message: expect.stringContaining("NOAUTH"),
    });
  });

  const layer = id("a layer");
  const layerKeys = ["claim", "layer", "wants", "attempts", "failure", "log", "archived"];
  const common = [
    ["CONFIG", "GET", "*"],
    ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
    ["FLUSHALL"],
    ["FLUSHDB"],
    ["KEYS", "*"],
    ["SCAN", "0"],
    ["MONITOR"],
    ["ACL", "LIST"],
    ["ACL", "SETUSER", "x", "on"],
    ["CLIENT", "KILL", "TYPE", "normal"],
    ["SHUTDOWN"],
    ["SAVE"],
    ["REPLICAOF", "127.0.0.1", "1"],
    ["MODULE", "LIST"],
    ["FUNCTION", "LIST"],
    ["SCRIPT", "FLUSH"],
    ["GET", "other:key"],
    ["SET", "other:key", "x"],
    ["PUBLISH", "other", "x"],
  ];
  const onlyForWorkers = [
    ...layerKeys.flatMap((name) => [
      ["SET", `ob:1:${name}:${layer}`, "x"],
      ["DEL", `ob:1:${name}:${layer}`],
    ]),
    ["HSET", `ob:1:layer:${layer}`, "state", "published"],
    ["XADD", `ob:1:log:${layer}`, "*", "at", "0"],
    ["RPUSH", `ob:1:archived:${layer}`, "x"],
    ["SET", "ob:1:worker:w1", "x"],
    ["SADD", "ob:1:workers", "x"],
    ["HSET", "ob:1:build:0123456789abcdef", "record", "x"],
    ["XADD", "ob:1:events:0123456789abcdef", "*", "event", "x"],
    ["GET", "ob:1:secrets:0123456789abcdef"],
    ["SET", "ob:1:secrets:0123456789abcdef", "x"],
    ["HSET", "ob:1:q:ob-p:1", "data", "{}"],
    ["LPUSH", "ob:1:q:ob-p:wait", "1"],
    ["ZADD", "ob:1:q:ob-builds:prioritized", "1", "1"],
    ["XADD", "ob:1:q:ob-builds:events", "*", "a", "b"],
    ["EVAL", "return 1", "0"],
    ["EVALSHA", "0".repeat(40), "0"],
    ["PUBLISH", "ob:1:done", "{}"],
  ];
  const forbidden: Readonly<Record<ClusterRole, readonly (readonly string[])[]>> = {
    worker: common,
    client: [
      ...common,
      ...onlyForWorkers,
      ["GET", "ob:1:submission:0123456789abcdef"],
      ["XREAD", "STREAMS", "ob:1:submissions", "0"],
      ["SET", "ob:1:submissions", "x"],
      ["XADD", "ob:1:submission:0123456789abcdef", "*", "a", "b"],
      ["XADD", "ob:1:cancel:0123456789abcdef", "*", "a", "b"],
      ["GETDEL", "ob:1:submissions"],
      ["LRANGE", "ob:1:q:ob-builds:active", "0", "-1"],
      ["HGET", "ob:1:q:ob-p:1", "data"],
      ["PUBLISH", "ob:1:commands:w1", "{}"],
    ],
    admin: [
      ...common,
      ...onlyForWorkers,
      ["SET", "ob:1:submission:0123456789abcdef", "x"],
      ["MGET", "ob:1:submission:0123456789abcdef"],
    ],
  };
  test.each(Object.entries(forbidden))("the user %s may do no more than its part", async (role, commands) => {
    const redis = await connect(role as ClusterRole);
    for (const [command = "", ...args] of commands) {
      const answer = await redis.call(command, ...args).catch((error: unknown) => error);
      const said = String(answer).slice(0, 100);
      expect(said, [command, ...args].join(" ")).toMatch(/NOPERM/);
    }
  });
});

test("the documentation shows the users as they are", async () => {
  const repository = join(import.meta.dirname, "../../..");
  const read = async (file: string) => await readFile(join(repository, file), "utf8");
  expect(await read("docs/cluster.md")).toContain(`\n${await read("deploy/users.acl")}`);
});

test("workers may run all commands of BullMQ's scripts for jobs, after an update of it, too", async () => {
  const file = join(import.meta.dirname, "../../../deploy/users.acl");
  const line = (await readFile(file, "utf8")).split("\n").find((each) => each.startsWith("user worker"));
  const allowed = new Set(line?.match(/(?<= \+)[a-z]+(?= )/g));
  const scripts = join(import.meta.dirname, "../node_modules/bullmq/dist/esm/scripts");
  // What is not for jobs of a queue: trees of jobs, and messages between hosts.
  const others = /^relay|WaitingChildren|DependencyCounts|OrphanedJobs/;
  const names = (await readdir(scripts)).filter((name) => name.endsWith(".js") && !others.test(name));
  expect(names.length).toBeGreaterThan(30);
  for (const name of names) {
    const text = await readFile(join(scripts, name), "utf8");
    for (const [, command = ""] of text.matchAll(/call\(["']([A-Za-z]+)["']/g)) {
      expect(allowed.has(command.toLowerCase()), `${command} in ${name}`).toBe(true);
    }
  }
});
