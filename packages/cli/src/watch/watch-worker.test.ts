import { request } from "node:http";
import { isObError } from "@ob/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseExposition } from "./parse-exposition.test.helper.ts";
import { startRedis, startWatchedWorker, type TestRedis } from "./watched-worker.test.helper.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => await redis[Symbol.asyncDispose]());

async function scrape(url: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const families = parseExposition(await response.text());
  return new Map([...families.values()].flatMap(({ samples }) => [...samples]));
}

test("a worker serves counts that move with its builds", async () => {
  await using worker = await startWatchedWorker(redis, ["--http", "0", "--slots", "2"]);
  const before = await scrape(worker.url);
  expect(before.get("obuilder_slots")).toBe(2);
  expect(before.get('obuilder_builds_total{outcome="built"}')).toBe(0);
  const spec = '((from base) (run (shell "counted one")) (run (shell "counted two")))';
  for (const _ of [1, 2]) expect(isObError(await worker.build(spec))).toBe(false);
  expect(await worker.build('((from base) (run (shell "fail")))')).toMatchObject({ code: "STEP_FAILED" });
  const after = await scrape(worker.url);
  const pool = 'pool="linux-amd64-kvm-2g"';
  expect(Object.fromEntries(after)).toMatchObject({
    'obuilder_builds_total{outcome="built"}': 2,
    'obuilder_builds_total{outcome="failed"}': 1,
    'obuilder_builds_total{outcome="cancelled"}': 0,
    // The second build finds all three layers, the failing one the base.
    'obuilder_layers_total{result="miss"}': 4,
    'obuilder_layers_total{result="hit"}': 4,
    [`obuilder_step_seconds_count{${pool},op="run",outcome="saved"}`]: 2,
    [`obuilder_step_seconds_count{${pool},op="run",outcome="failed"}`]: 1,
    [`obuilder_queue_wait_seconds_count{${pool}}`]: 2,
    [`obuilder_chains_total{${pool},outcome="built"}`]: 1,
    'obuilder_registry_bytes_total{direction="push"}': 300,
    [`obuilder_queue_chains{${pool},state="waiting"}`]: 0,
    obuilder_slots_used: 0,
    obuilder_draining: 0,
  });
});

test("a drained worker is alive but not ready, finishes its step, and ends", async () => {
  await using worker = await startWatchedWorker(redis, ["--http", "127.0.0.1:0"]);
  expect((await fetch(`${worker.url}/readyz`)).status).toBe(200);
  const built = worker.build('((from base) (run (shell "wait")))');
  await worker.gate.reached;
  worker.stop();
  const ready = await fetch(`${worker.url}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, "not ready: it is drained\n"]);
  expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
  const samples = await scrape(worker.url);
  expect([samples.get("obuilder_draining"), samples.get("obuilder_slots_used")]).toEqual([1, 1]);
  worker.gate.open();
  expect(await worker.result).toMatchObject({ code: 0, stdout: expect.stringMatching(/has ended\n$/) });
  await expect(fetch(`${worker.url}/healthz`)).rejects.toThrow("fetch failed");
  // Its layer is published: the build ends where another engine runs.
  await using other = await startWatchedWorker(redis, ["--http", "0"]);
  expect(isObError(await built)).toBe(false);
  const steps = 'obuilder_step_seconds_count{pool="linux-amd64-kvm-2g",op="run",outcome="saved"}';
  expect((await scrape(other.url)).get(steps)).toBeUndefined();
});

test("without its registry or Redis a worker is not ready, and still says what it knows", async () => {
  await using worker = await startWatchedWorker(redis, ["--http", "0"]);
  const readiness = async () => await (await fetch(`${worker.url}/readyz`)).text();
  worker.setRegistry(false);
  expect(await readiness()).toBe("not ready: the registry does not answer\n");
  worker.setRegistry(true);
  using frozen = redis.freeze();
  const [ready, samples] = await Promise.all([readiness(), scrape(worker.url)]);
  frozen[Symbol.dispose]();
  expect(ready).toBe("not ready: Redis does not answer\n");
  expect(samples.get("obuilder_slots")).toBe(1);
  expect([...samples.keys()].filter((series) => series.startsWith("obuilder_queue_chains"))).toEqual([]);
  expect(await readiness()).toBe("ready\n");
});

test("a worker that is told to end while Redis is away says what that means, and fails", async () => {
  // Its build stays in the queue.
  await using own = await startRedis();
  await using worker = await startWatchedWorker(own, ["--log-format=json"]);
  void worker.build('((from base) (run (shell "wait")))');
  await worker.gate.reached;
  using frozen = own.freeze();
  worker.stop();
  worker.gate.open();
  const { code, stdout, stderr } = await worker.result;
  frozen[Symbol.dispose]();
  expect([code, stderr]).toEqual([4, ""]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line)).find(({ event }) => event === "failed")).toMatchObject({
    level: "error",
    worker: "w1",
    code: "STORE",
    text: expect.stringMatching(/^Redis has not answered for .* s: the steps that ran here were ended\.$/),
    hint: expect.stringContaining("claims run out"),
  });
});

test("the loopback answers only requests for it, and only GET", async () => {
  await using worker = await startWatchedWorker(redis, ["--http", "0"]);
  const status = async (path: string, headers: Record<string, string>, method = "GET") =>
    await new Promise((resolve, reject) => {
      const sent = request(`${worker.url}${path}`, { headers, method }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on("error", reject);
      sent.end();
    });
  expect(await status("/metrics", { host: "localhost:9464" })).toBe(200);
  expect(await status("/metrics", { host: "attacker.example" })).toBe(421);
  expect(await status("/metrics", { host: "localhost.attacker.example" })).toBe(421);
  expect(await status("/metrics", {}, "POST")).toBe(405);
  expect(await status("/metrics", {}, "HEAD")).toBe(200);
  expect(await status("/else", {})).toBe(404);
  expect(await status("//[", {})).not.toBe(200);
});

test("--log-format=json writes one object a line, and what comes from outside cannot make another", async () => {
  await using worker = await startWatchedWorker(redis, ["--log-format=json"]);
  await worker.build('((from base) (run (shell "logged \\n{} \\027[2J")))');
  worker.stop();
  const { stdout } = await worker.result;
  // oxlint-disable-next-line no-control-regex -- These are looked for.
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  const lines = stdout.trimEnd().split("\n");
  const events = lines.map((line): Record<string, unknown> => JSON.parse(line));
  for (const { time, level, worker: name } of events) {
    expect([new Date(String(time)).toISOString(), level, name]).toEqual([time, "info", "w1"]);
  }
  const names = new Set(events.map(({ event }) => event));
  expect([events[0]?.["event"], events.at(-1)?.["event"]]).toEqual(["ready", "ended"]);
  for (const name of ["build-started", "layers-found", "chain-started", "chain-ended", "build-ended"]) {
    expect(names).toContain(name);
  }
  const build = events.find(({ event }) => event === "build-started")?.["build"];
  const [started] = events.filter(({ event, op }) => event === "step-started" && op === "run");
  expect(started).toMatchObject({
    build,
    pool: "linux-amd64-kvm-2g",
    step: expect.stringMatching(/^\w{64}$/),
  });
});
