import type { WorkerWatch } from "@ob/cluster";
import { StepTracer } from "./trace-steps.ts";
import type { Tracing } from "./span.ts";

/** Makes spans of what a worker does: builds of its engine, and chains with their time in the queue. */
export function traceWorker(tracing: Tracing, worker: string): WorkerWatch {
  return {
    buildStarted: ({ build, client, traceparent: parent }) => {
      const attributes = { "obuilder.build": build, "obuilder.client": client, "obuilder.worker": worker };
      const span = tracing.start("build", { parent, attributes });
      return { traceparent: span.traceparent, ended: (outcome) => span.end(outcome) };
    },
    chainStarted: ({ build, pool, queuedAt, traceparent }) => {
      const attributes = { "obuilder.build": build, "obuilder.pool": pool, "obuilder.worker": worker };
      // Another host's clock can be ahead.
      const startTime = Math.min(queuedAt, Date.now());
      const queue = tracing.start("queue", { parent: traceparent, startTime, attributes });
      queue.end("taken");
      const chain = tracing.start("chain", { parent: queue.traceparent, attributes });
      const steps = new StepTracer(tracing, chain.traceparent);
      return {
        emit: steps.emit,
        ended: (outcome) => {
          steps[Symbol.dispose]();
          chain.end(outcome);
        },
      };
    },
  };
}
