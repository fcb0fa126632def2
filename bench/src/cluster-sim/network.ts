import type { Parameters } from "./parameters.ts";
import { Server, type Timeline } from "./timeline.ts";
import type { Worker } from "./worker.ts";

/** Redis and the registry, which all workers share. */
export class Network {
  bytes = 0;
  calls = 0;
  /** The claims that are renewed now. */
  claims = 0;
  readonly redis = new Server();
  readonly registry = new Server();
  readonly #parameters: Parameters;
  readonly #timeline: Timeline;

  constructor(parameters: Parameters, timeline: Timeline) {
    this.#parameters = parameters;
    this.#timeline = timeline;
  }

  /** @returns when so many calls are answered. Renewals of claims slow them down. */
  call(count: number): number {
    const { secondsPerCall, latency, renew } = this.#parameters.redis;
    this.calls += count;
    const renewing = Math.min(0.95, (this.claims / renew) * secondsPerCall);
    const served = this.redis.serve(this.#timeline.now, (count * secondsPerCall) / (1 - renewing));
    return served + latency;
  }

  /** Counts the renewals of a claim that was held for so long. */
  renewed(seconds: number): void {
    this.calls += seconds / this.#parameters.redis.renew;
  }

  /** @returns when a worker has got, or sent, so many bytes. */
  transfer(worker: Worker, bytes: number): number {
    const { workers, registry } = this.#parameters;
    const { now } = this.#timeline;
    this.bytes += bytes;
    return Math.max(
      worker.network.serve(now, bytes / workers.networkBytesPerSecond),
      this.registry.serve(now, bytes / registry.bytesPerSecond),
    );
  }
}
