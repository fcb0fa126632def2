import type { ClusterWorker, WorkerWatch } from "@ob/cluster";
import { isObError, type ObEvent } from "@ob/core";
import type { OnProgress } from "@ob/registry";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { countTransfers } from "./count-transfers.ts";

/** The counts of a worker, for Prometheus. docs/cluster.md lists them. */
export interface WorkerMetrics {
  readonly watch: WorkerWatch;
  readonly onTransfer: OnProgress;
  readonly contentType: string;
  /** All of them in Prometheus' text format. */
  text(): Promise<string>;
}

/** How long Redis gets to answer, in milliseconds. */
const redisTime = 2_000;

/** Upper bounds in seconds: a step in a VM that is kept takes tenths, and some take hours. */
const buckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200];

/** @param worker what is measured; undefined until it has started. */
export function createMetrics(worker: () => ClusterWorker | undefined): WorkerMetrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  addGauges(register, worker);
  const counts = addCounts(register);
  return {
    watch: watchOf(counts),
    onTransfer: countTransfers((direction, bytes) => counts.bytes.inc({ direction }, bytes)),
    contentType: register.contentType,
    // Prometheus' format has NaN, where prom-client writes Nan.
    text: async () => (await register.metrics()).replaceAll(/ Nan$/gm, " NaN"),
  };
}

type Counts = ReturnType<typeof addCounts>;

function addCounts(register: Registry) {
  const registers = [register];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });
  const counts = {
    waits: histogram("obuilder_queue_wait_seconds", "How long chains waited for a slot.", ["pool"]),
    steps: histogram("obuilder_step_seconds", "How long steps took.", ["pool", "op", "outcome"]),
    chains: counter("obuilder_chains_total", "Chains that have ended here.", ["pool", "outcome"]),
    starts: counter("obuilder_vm_starts_total", "How the VMs of steps came to run.", ["pool", "start"]),
    builds: counter("obuilder_builds_total", "Builds that have ended here.", ["outcome"]),
    layers: counter("obuilder_layers_total", "Layers of the builds that began here.", ["result"]),
    bytes: counter("obuilder_registry_bytes_total", "Bytes of blobs that were moved.", ["direction"]),
  };
  // What has not happened yet counts as 0, so that the first time is a change.
  for (const outcome of ["built", "failed", "cancelled"]) counts.builds.inc({ outcome }, 0);
  for (const result of ["hit", "miss"]) counts.layers.inc({ result }, 0);
  for (const direction of ["push", "pull"]) counts.bytes.inc({ direction }, 0);
  return counts;
}

function addGauges(register: Registry, worker: () => ClusterWorker | undefined): void {
  const registers = [register];
  const ofStatus = (name: string, help: string, value: "slots" | "running" | "draining") =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(Number(worker()?.status()[value] ?? 0));
      },
    });
  ofStatus("obuilder_slots", "How many chains the worker can build at a time.", "slots");
  ofStatus("obuilder_slots_used", "How many it builds.", "running");
  ofStatus("obuilder_draining", "1 if it takes no more work.", "draining");
  // oxlint-disable-next-line no-new -- It registers itself.
  new Gauge({
    ...{ name: "obuilder_queue_chains", help: "Chains of all workers in the queues of this one's pools." },
    ...{ labelNames: ["pool", "state"], registers },
    async collect() {
      this.reset();
      try {
        for (const { name: pool, waiting, running } of (await worker()?.queues(redisTime)) ?? []) {
          this.set({ pool, state: "waiting" }, waiting);
          this.set({ pool, state: "running" }, running);
        }
      } catch (error) {
        // Redis is away: nothing is known of the queues, and the other metrics are.
        if (!isObError(error)) throw error;
      }
    },
  });
}

function watchOf({ waits, chains, builds, layers, ...counts }: Counts): WorkerWatch {
  return {
    buildStarted: ({ layers: count }) => ({
      layersFound: (found) => {
        layers.inc({ result: "hit" }, found);
        layers.inc({ result: "miss" }, count - found);
      },
      ended: (outcome) => {
        if (outcome !== "left") builds.inc({ outcome });
      },
    }),
    chainStarted: ({ pool, queuedAt }) => {
      waits.observe({ pool }, Math.max(0, Date.now() - queuedAt) / 1_000);
      return {
        emit: (event) => countEvent(event, pool, counts),
        ended: (outcome) => chains.inc({ pool, outcome }),
      };
    },
  };
}

function countEvent(event: ObEvent, pool: string, { steps, starts }: Pick<Counts, "steps" | "starts">): void {
  if (event.type === "vm-started") starts.inc({ pool, start: event.start });
  if (event.type !== "step-finished" || event.outcome === "cached") return;
  const { step, outcome, milliseconds } = event;
  steps.observe({ pool, op: step.op, outcome }, milliseconds / 1_000);
}
