import { setTimeout as sleep } from "node:timers/promises";
import { type Context, type Span, SpanStatusCode, ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { ObError } from "@ob/core";
import type { ProcessIo } from "../process-io.ts";
import type { OpenSpan, SpanOptions, Tracing } from "./span.ts";

type Env = ProcessIo["env"];

/** How long the end of a command waits for a collector, in milliseconds. */
const flushTime = 2_000;

/** @throws ObError `USAGE` for values that are not supported. */
export async function startTracing(env: Env): Promise<Tracing> {
  const named = resourceFromAttributes({ "service.name": env["OTEL_SERVICE_NAME"] ?? "obuilder" });
  const provider = new TracerProvider({
    resource: named.merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(env),
    spanProcessors: [new BatchSpanProcessor({ exporter: await exporterOf(env) })],
  });
  const tracer = provider.getTracer("obuilder");
  return {
    start: (name, { parent, startTime = Date.now(), attributes = {} }: SpanOptions = {}) =>
      openSpan(tracer.startSpan(name, { startTime, attributes }, contextOf(parent))),
    [Symbol.asyncDispose]: async () => {
      // A collector that is away must not hold up, or fail, what has been done.
      const ended = provider.shutdown().catch(() => undefined);
      await Promise.race([ended, sleep(flushTime, undefined, { ref: false })]);
    },
  };
}

function openSpan(span: Span): OpenSpan {
  // Not by the clock alone, which can be set meanwhile.
  const offset = Date.now() - performance.now();
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, "0")}`,
    end: (outcome) => {
      span.setAttribute("obuilder.outcome", outcome);
      if (outcome === "failed") span.setStatus({ code: SpanStatusCode.ERROR });
      span.end(offset + performance.now());
    },
  };
}

function contextOf(parent: string | undefined): Context {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(parent ?? "");
  if (!match) return ROOT_CONTEXT;
  const [, traceId = "", spanId = "", flags = ""] = match;
  return trace.setSpanContext(ROOT_CONTEXT, {
    ...{ traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true },
  });
}

async function exporterOf(env: Env): Promise<SpanExporter> {
  const kind = env["OTEL_TRACES_EXPORTER"] ?? "otlp";
  if (kind === "console") return new ConsoleSpanExporter();
  if (kind !== "" && kind !== "otlp") throw unsupported("OTEL_TRACES_EXPORTER", kind, "otlp, console, none");
  const protocol =
    env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] ?? env["OTEL_EXPORTER_OTLP_PROTOCOL"] ?? "http/protobuf";
  const base = env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "http://localhost:4318";
  const url = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? `${base.replace(/\/+$/, "")}/v1/traces`;
  if (protocol === "http/json") {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    return new OTLPTraceExporter({ url });
  }
  if (protocol === "http/protobuf") {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
    return new OTLPTraceExporter({ url });
  }
  throw unsupported("OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "http/protobuf, http/json");
}

function samplerOf(env: Env): Sampler {
  const name = env["OTEL_TRACES_SAMPLER"] ?? "parentbased_always_on";
  const given = Number(env["OTEL_TRACES_SAMPLER_ARG"] ?? "1");
  const ratio = given >= 0 && given <= 1 ? given : 1;
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const root = roots[name.replace(/^parentbased_/, "")]?.();
  if (!root) throw unsupported("OTEL_TRACES_SAMPLER", name, `[parentbased_]${Object.keys(roots).join(", ")}`);
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

function unsupported(variable: string, value: string, known: string): ObError {
  return new ObError("USAGE", `${variable} is ${JSON.stringify(value)}; known are ${known}.`);
}
