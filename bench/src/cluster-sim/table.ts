import { calibrate, type Calibration, compare, type Measurement } from "./calibration.ts";
import type { Run } from "./experiment.ts";
import type { MeasuredParameter, Parameters } from "./parameters.ts";
import { percentile } from "./simulate.ts";

const columns: readonly (readonly [title: string, cell: (run: Run, parameters: Parameters) => string])[] = [
  ["workers", ({ workers }) => workers.toLocaleString("en")],
  ["job is a", ({ policy, variant }) => (variant === "" ? policy : `${policy}, ${variant}`)],
  ["slowdown p50", ({ outcome }) => fixed(percentile(outcome.slowdowns, 0.5), 2)],
  ["p95", ({ outcome }) => fixed(percentile(outcome.slowdowns, 0.95), 2)],
  ["makespan / bound", ({ outcome }) => fixed(outcome.makespan / outcome.bound, 2)],
  ["MB moved a step", ({ outcome }) => fixed(outcome.bytes / outcome.commits / 1e6, 1)],
  ["duplicates", ({ outcome }) => percent(outcome.duplicates / outcome.commits)],
  ["continued", ({ outcome }) => percent(outcome.continued / outcome.commits)],
  ["deaths", ({ outcome }) => `${outcome.deaths}`],
  ["takeover p95", ({ outcome }) => seconds(percentile(outcome.takeovers, 0.95))],
  ["Redis calls/s", ({ outcome }) => fixed(outcome.callsPerSecond, 0)],
  ["Redis busy", ({ outcome }, { redis }) => percent(outcome.callsPerSecond * redis.secondsPerCall)],
  ["registry MB/s", ({ outcome }) => fixed(outcome.bytesPerSecond / 1e6, 0)],
  [
    "registry asked of 10 Gbit/s",
    ({ outcome }, { registry }) => percent(outcome.bytesPerSecond / registry.bytesPerSecond),
  ],
];

export function resultTable(runs: readonly Run[], parameters: Parameters): string {
  return table(
    columns.map(([title]) => title),
    runs.map((run) => columns.map(([, cell]) => cell(run, parameters))),
  );
}

/** The prototype's measurements, and that of `bench -- cluster` with the number of the prototype and with its own. */
export function calibrationTable(prototype: Calibration, measured: Measurement | undefined): string {
  const own = measured && calibrate([measured]);
  const all = [
    prototype,
    ...(measured && own
      ? [{ ...prototype, comparisons: [compare(measured, prototype.secondsPerCall)] }, own]
      : []),
  ];
  const rows = all.flatMap(({ secondsPerCall, comparisons }) =>
    comparisons.map(({ measurement, simulated, error }) => [
      measurement.name,
      `${fixed(secondsPerCall * 1_000, 2)} ms`,
      seconds(measurement.measured),
      seconds(simulated),
      `${error < 0 ? "" : "+"}${percent(error)}`,
    ]),
  );
  return table(["eight workers on one machine", "fitted: a call", "measured", "simulated", "error"], rows);
}

/** Which parameters were measured. */
export function measuredTable(measured: readonly MeasuredParameter[]): string {
  const rows = measured.map(({ name, metric, unit, value }) => [
    name,
    value === undefined
      ? "not measured"
      : `${value.toLocaleString("en", { maximumSignificantDigits: 3 })} ${unit}`,
    metric,
  ]);
  return table(["parameter", "value", "metric"], rows);
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined
    ? "-"
    : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function seconds(value: number | undefined): string {
  return value === undefined ? "-" : `${fixed(value, 1)} s`;
}

function percent(share: number): string {
  return `${fixed(100 * share, 1)} %`;
}
