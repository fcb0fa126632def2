import { deadline, ObError } from "@ob/core";
import type { StartedWorker } from "../cluster/cluster-ports.ts";
import type { Page, Route } from "./http-server.ts";
import type { WorkerMetrics } from "./metrics.ts";

/** How long Redis and the registry get to answer, in milliseconds. */
const readyTime = 3_000;

/** The pages that supervisors and Prometheus read: `/healthz`, `/readyz` and `/metrics`. */
export function workerPages(
  started: () => Pick<StartedWorker, "worker" | "pingRegistry"> | undefined,
  metrics: WorkerMetrics,
): Route {
  return async ({ pathname }) => {
    switch (pathname) {
      case "/healthz":
        return { body: "alive\n" };
      case "/readyz":
        return await readiness(started());
      case "/metrics":
        return { type: metrics.contentType, body: await metrics.text() };
      default:
        return undefined;
    }
  };
}

/** Says what a worker lacks; what servers answered stays out of it. */
async function readiness(started: Pick<StartedWorker, "worker" | "pingRegistry"> | undefined): Promise<Page> {
  if (!started) return notReady("it starts");
  const { worker, pingRegistry } = started;
  if (worker.status().draining) return notReady("it is drained");
  using limit = deadline(readyTime, () => new ObError("REGISTRY", "The registry does not answer."));
  const [redis, registry] = await Promise.allSettled([worker.queues(readyTime), pingRegistry(limit.signal)]);
  if (redis.status === "rejected") return notReady("Redis does not answer");
  if (registry.status === "rejected") return notReady("the registry does not answer");
  return { body: "ready\n" };
}

function notReady(why: string): Page {
  return { status: 503, body: `not ready: ${why}\n` };
}
