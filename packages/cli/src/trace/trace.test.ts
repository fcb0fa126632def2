import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fakeServices, obuilder } from "../testing/run.ts";
import {
  clientServices,
  startRedis,
  startWatchedWorker,
  type TestRedis,
} from "../watch/watched-worker.test.helper.ts";
import { type ReceivedSpan, startOtlpReceiver } from "./otlp-receiver.test.helper.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => await redis[Symbol.asyncDispose]());

const spec = '((from base) (run (shell "one")) (run (shell "two")))';

/** The names of a span and of those around it, the innermost first. */
function ancestry(span: ReceivedSpan, spans: readonly ReceivedSpan[]): readonly string[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [span.name, ...(parent ? ancestry(parent, spans) : [])];
}

test("a build of a cluster is one trace, from submit through the queue to the phases of its steps", async () => {
  await using receiver = await startOtlpReceiver();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    TRACEPARENT: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`,
  };
  await using worker = await startWatchedWorker(redis, [], { ...env, OTEL_SERVICE_NAME: "the worker" });
  const args = ["submit", "--queue", redis.url, "--registry", "reg.example/ob", "-f", "-", "."];
  const submitted = await obuilder(args, { services: clientServices(redis), env, stdin: spec });
  expect(submitted.code, submitted.stderr).toBe(0);
  worker.stop();
  await worker.result;
  const { spans } = receiver;
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set(["1".repeat(32)]));
  const submit = spans.find(({ name }) => name === "submit");
  expect(submit).toMatchObject({ parentSpanId: "2".repeat(16), service: "obuilder" });
  const phases = spans.filter(({ name }) => name === "run");
  expect(phases.map((span) => ancestry(span, spans))).toEqual(
    Array.from({ length: 2 }, () => ["run", "step run", "chain", "queue", "build", "submit"]),
  );
  expect(phases.every(({ service }) => service === "the worker")).toBe(true);
  for (const { startTimeUnixNano: start, endTimeUnixNano: end } of spans) {
    expect(BigInt(start) <= BigInt(end)).toBe(true);
  }
});

test("build makes a trace of its own, and a failed step is an error in it", async () => {
  await using receiver = await startOtlpReceiver();
  const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces` };
  const services = fakeServices({ run: ({ task }) => (task.command === "two" ? 1 : 0) });
  const stdin = spec.replace("base", "debian-12");
  const args = ["build", "--store=qemu:/store", "-f", "-", "."];
  const json = { services, env: { ...env, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }, stdin };
  expect((await obuilder(args, json)).code).toBe(1);
  const { spans } = receiver;
  expect(spans.map((span) => ancestry(span, spans).join(" < "))).toEqual([
    "step from < build",
    "run < step run < build",
    "step run < build",
    "run < step run < build",
    "step run < build",
    "build",
  ]);
  expect(spans.map(({ status }) => status.code ?? 0)).toEqual([0, 0, 0, 0, 2, 2]);
  // Protocol Buffers are the default.
  expect((await obuilder(args, { services, env, stdin })).code).toBe(1);
  expect(receiver.others).toEqual(["/v1/traces application/x-protobuf"]);
});

test("spans last as long as the steps did, whatever the clock is set to meanwhile", async () => {
  await using receiver = await startOtlpReceiver();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  };
  const jumps = [86_400_000, -2 * 86_400_000];
  const now = Date.now();
  vi.useFakeTimers({ now, toFake: ["Date"] });
  try {
    const services = fakeServices({
      run: () => {
        vi.setSystemTime(Date.now() + (jumps.shift() ?? 0));
      },
    });
    const stdin = spec.replace("base", "debian-12");
    const args = ["build", "--store=qemu:/store", "-f", "-", "."];
    expect((await obuilder(args, { services, env, stdin })).code).toBe(0);
  } finally {
    vi.useRealTimers();
  }
  const seconds = receiver.spans.map(
    ({ startTimeUnixNano: start, endTimeUnixNano: end }) => Number(BigInt(end) - BigInt(start)) / 1e9,
  );
  expect(seconds).toHaveLength(6);
  expect(seconds.filter((each) => each < 0 || each > 3_600)).toEqual([]);
});

test("a collector that is away, or variables that are wrong, do not fail a build", async () => {
  const args = ["build", "--store=qemu:/store", "-f", "-", "."];
  const stdin = spec.replace("base", "debian-12");
  const away = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  };
  expect(await obuilder(args, { services: fakeServices(), env: away, stdin })).toMatchObject({
    code: 0,
    stderr: "",
  });
  const wrong = await obuilder(args, {
    services: fakeServices(),
    env: { OTEL_TRACES_EXPORTER: "zipkin" },
    stdin,
  });
  expect(wrong.code).toBe(0);
  expect(wrong.stderr).toContain(
    'There are no traces: OTEL_TRACES_EXPORTER is "zipkin"; known are otlp, console, none.',
  );
});

test("nothing of it is loaded where no variable asks for it", async () => {
  const main = JSON.stringify(join(import.meta.dirname, "..", "main.ts"));
  const script = `
    import { registerHooks } from "node:module";
    import { PassThrough } from "node:stream";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { main } = await import(${main});
    const io = { stdin: [Buffer.from(${JSON.stringify(spec)})], stdout: new PassThrough(), stderr: new PassThrough() };
    const signal = new AbortController().signal;
    const env = { OTEL_SDK_DISABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
    for (const args of [["--help"], ["worker", "--help"], ["plan", "--store=qemu:/nonexistent", "-f", "-", "."],
      ["build", "--store=qemu:/nonexistent", "-f", "-", "."]]) {
      await main(args, { ...io, signal, env, interruptedBy: () => undefined });
    }
    console.log(JSON.stringify(loaded));`;
  const flags = ["--conditions=@ob/source", "--no-warnings", "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: import.meta.dirname });
  const loaded: readonly string[] = JSON.parse(stdout);
  expect(loaded.some((url) => url.endsWith("/commands/worker.ts"))).toBe(true);
  expect(loaded.some((url) => url.endsWith("/commands/build.ts"))).toBe(true);
  expect(loaded.filter((url) => /opentelemetry|prom-client|bullmq|watch\/metrics/.test(url))).toEqual([]);
});
