import { type Parameters, standard, withoutFailures } from "./parameters.ts";
import { type Policy, simulate } from "./simulate.ts";
import { readMedian } from "../read-results.ts";
import { type Build, Layers, type Workload } from "./workload.ts";

/** A measurement of real queues and claims whose steps only sleep, all on one machine. */
export interface Measurement {
  readonly name: string;
  readonly policy: Policy;
  readonly layers: number;
  readonly chains: number;
  /** How many builds want each chain. */
  readonly wantedBy: number;
  readonly clients: number;
  readonly workers: number;
  /** In seconds, as are the costs of virtual machines. */
  readonly step: number;
  readonly boot: number;
  readonly reuse: number;
  /** How many Redis calls a layer took; by default the standard number. */
  readonly calls?: number | undefined;
  /** The measured makespan in seconds. */
  readonly measured: number;
}

const overlapping = { layers: 300, chains: 56, wantedBy: 2, clients: 4, workers: 8, step: 0.05 };

/** Measured on the prototype; of a range the middle. */
export const prototype: readonly Measurement[] = [
  { ...overlapping, name: "300 layers, chains", policy: "chain", boot: 0.1, reuse: 0.005, measured: 4.05 },
  { ...overlapping, name: "300 layers, steps", policy: "step", boot: 0.1, reuse: 0.005, measured: 8.2 },
  {
    ...{ name: "500 layers, steps", policy: "step", layers: 500, chains: 94, wantedBy: 1, clients: 4 },
    ...{ workers: 8, step: 0.05, boot: 0, reuse: 0, measured: 6.9 },
  },
];

/** What `bench -- cluster` has measured, from the Markdown that it prints; undefined if that does not contain it. */
export function readMeasurement(markdown: string): Measurement | undefined {
  const measured = readMedian(markdown, "cluster: 8 workers");
  if (measured === undefined) return undefined;
  return {
    ...{
      name: "480 layers, chains: `bench -- cluster`",
      policy: "chain",
      layers: 480,
      chains: 24,
      wantedBy: 2,
    },
    ...{ clients: 4, workers: 8, step: 0.5, boot: 1, reuse: 0 },
    calls: readMedian(markdown, "count: Redis calls a layer, 8 chains on 8"),
    measured,
  };
}

export interface Comparison {
  readonly measurement: Measurement;
  readonly simulated: number;
  /** What the simulated makespan is too long by, as a share of the measured one. */
  readonly error: number;
}

export interface Calibration {
  /** What a Redis call costs on the machine that all processes share, in seconds. */
  readonly secondsPerCall: number;
  readonly comparisons: readonly Comparison[];
}

/**
 * The processes of a measurement share the few cores of one machine, so that each Redis call costs more than Redis's own time. That
 * one number is fitted: the largest of the errors is as small as it can be.
 */
export function calibrate(measurements: readonly Measurement[]): Calibration {
  let best: Calibration | undefined;
  for (let microseconds = 10; microseconds <= 20_000; microseconds = Math.ceil(microseconds * 1.06)) {
    const secondsPerCall = microseconds * 1e-6;
    const comparisons = measurements.map((measurement) => compare(measurement, secondsPerCall));
    if (!best || worst(comparisons) < worst(best.comparisons)) best = { secondsPerCall, comparisons };
  }
  if (!best) throw new RangeError("there is nothing to calibrate with");
  return best;
}

function worst(comparisons: readonly Comparison[]): number {
  return Math.max(...comparisons.map(({ error }) => Math.abs(Math.log1p(error))));
}

export function compare(measurement: Measurement, secondsPerCall: number): Comparison {
  const simulated = simulateMeasurement(measurement, secondsPerCall);
  return { measurement, simulated, error: simulated / measurement.measured - 1 };
}

export function simulateMeasurement(measurement: Measurement, secondsPerCall: number): number {
  const { policy, workers, boot, reuse, calls } = measurement;
  const { redis, registry, ...rest } = withoutFailures(standard);
  const parameters: Parameters = {
    ...rest,
    workers: { ...rest.workers, slots: 1 },
    vm: { boot, resume: boot, reuse },
    redis: { ...redis, secondsPerCall, ...(calls !== undefined && { callsPerChainLayer: calls }) },
    registry: { ...registry, lazyBaseBytes: 0, pullSeconds: 0, pushSeconds: 0.005 },
  };
  return simulate({ parameters, workload: workloadOf(measurement), policy, workers, seed: 1 }).makespan;
}

function workloadOf({ layers: count, chains, wantedBy, clients, step }: Measurement): Workload {
  const layers = new Layers();
  const builds: Build[] = [];
  for (let index = 0; index < chains * wantedBy; index++) {
    const chain = index % chains;
    const length = Math.floor(count / chains) + (chain < count % chains ? 1 : 0);
    const draw = () => ({ seconds: step, bytes: 0 });
    const stage = {
      pool: 0,
      base: 0,
      layers: layers.grow(undefined, `${chain}`, { count: length, draw }),
      copiesFrom: [],
    };
    builds.push({ client: (index + Math.floor(index / chains)) % clients, arrival: 0, stages: [stage] });
  }
  return { pools: 1, layers: layers.all, builds };
}
