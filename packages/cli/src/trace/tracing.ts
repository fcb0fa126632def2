import { type Emit, errorMessage, isObError } from "@ob/core";
import type { ProcessIo } from "../process-io.ts";
import type { OpenSpan, Tracing } from "./span.ts";

/**
 * What `OTEL_…` variables ask for; undefined if they ask for nothing, and then no library is loaded. What is wrong with them is
 * a warning: a build does not fail for its traces.
 */
export async function openTracing(env: ProcessIo["env"], emit: Emit): Promise<Tracing | undefined> {
  if (!isTracingWanted(env)) return undefined;
  try {
    const { startTracing } = await import("./otel-tracing.ts");
    return await startTracing(env);
  } catch (error) {
    emit({ type: "log", level: "warning", text: `There are no traces: ${errorMessage(error)}` });
    return undefined;
  }
}

function isTracingWanted(env: ProcessIo["env"]): boolean {
  if (env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" || env["OTEL_TRACES_EXPORTER"] === "none")
    return false;
  return ["OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].some(
    (name) => (env[name] ?? "") !== "",
  );
}

export interface CommandSpanOptions {
  readonly tracing: Tracing | undefined;
  readonly name: string;
  /** With TRACEPARENT the span belongs to that trace. */
  readonly env: ProcessIo["env"];
}

/** Runs a command's work in a span, which ends with it. */
export async function inSpan<T>(
  { tracing, name, env }: CommandSpanOptions,
  work: (span: OpenSpan | undefined) => Promise<T>,
): Promise<T> {
  const span = tracing?.start(name, { parent: env["TRACEPARENT"] });
  try {
    const result = await work(span);
    span?.end("done");
    return result;
  } catch (error) {
    span?.end(isObError(error, "CANCELLED") ? "cancelled" : "failed");
    throw error;
  }
}
