import { type Emit, isObError } from "@ob/core";
import type { ProcessIo } from "../process-io.ts";
import { openTracing } from "./tracing.ts";

/** The trace of `build`, if `OTEL_…` variables ask for one. Disposing of it sends what is left. */
export interface BuildTrace extends AsyncDisposable {
  /** Listens to what is emitted. */
  readonly listen: (emit: Emit) => Emit;
  /** Ends the span of the build. */
  readonly end: (error?: unknown) => void;
}

export async function openBuildTrace(env: ProcessIo["env"], emit: Emit): Promise<BuildTrace> {
  const tracing = await openTracing(env, emit);
  if (!tracing) {
    const nothing = async () => undefined;
    return { listen: (each) => each, end: () => undefined, [Symbol.asyncDispose]: nothing };
  }
  const { StepTracer } = await import("./trace-steps.ts");
  const span = tracing.start("build", { parent: env["TRACEPARENT"] });
  const steps = new StepTracer(tracing, span.traceparent);
  return {
    listen: (next) => (event) => {
      steps.emit(event);
      next(event);
    },
    end: (error) => {
      steps[Symbol.dispose]();
      if (error === undefined) span.end("built");
      else span.end(isObError(error, "CANCELLED") ? "cancelled" : "failed");
    },
    [Symbol.asyncDispose]: async () => await tracing[Symbol.asyncDispose](),
  };
}
