import type { Results } from "./results.ts";

/** A group of metrics in the report: one row per metric, with the ratio to a reference metric. */
export interface MetricGroup {
  readonly title: string;
  /** Names of the metrics, with the metric to compare to. */
  readonly rows: readonly (readonly [name: string, reference?: string])[];
}

export const metricGroups: readonly MetricGroup[] = [
  {
    title: "A step",
    rows: [
      ["bare boot"],
      ["cold first step", "bare boot"],
      ["first step cold"],
      ["first step with VM reuse", "first step cold"],
      ["first step resumed", "first step cold"],
      ["further step cold", "first step cold"],
      ["further step with VM reuse", "first step cold"],
      ["further step resumed", "first step cold"],
      ["step after secrets", "first step cold"],
      ["step after network", "first step cold"],
    ],
  },
  {
    title: "VM snapshots",
    rows: [
      ["first build of a store, without snapshots"],
      ["first build of a store", "first build of a store, without snapshots"],
      ["last step changed, cold"],
      ["last step changed, resumed", "last step changed, cold"],
    ],
  },
  {
    title: "A whole build, from the command's start to its end",
    rows: [1, 5, 20].flatMap((count) =>
      ["cold", "with VM reuse", "resumed"].map(
        (way) => [`${count} steps ${way}`, `${count} steps cold`] as const,
      ),
    ),
  },
  {
    title: "Against the original's procedure",
    rows: [
      ["step: original"],
      ["run, copy, run: original"],
      ["run, copy, run: original, our CPU model", "run, copy, run: original"],
      ["run, copy, run: cold, a VM a step", "run, copy, run: original"],
      ["run, copy, run: cold", "run, copy, run: original"],
      ["run, copy, run: resumed", "run, copy, run: original"],
    ],
  },
  {
    title: "A guest with systemd",
    rows: [
      ["systemd: first step cold"],
      ["systemd: first step resumed", "systemd: first step cold"],
      ["systemd: further step", "systemd: first step cold"],
      ["systemd: 5 steps, original"],
      ["systemd: 5 steps", "systemd: 5 steps, original"],
    ],
  },
  {
    title: "Copying (the step, less a step that does nothing)",
    rows: ["1,000 small files", "200 MB"].flatMap((tree) => [
      [`ssh tar: ${tree}`] as const,
      [`copy: ${tree}`, `ssh tar: ${tree}`] as const,
    ]),
  },
  {
    title: "Throughput: 32 MB of a step's output, and over its network",
    rows: [
      ["speed: output to a file"],
      ["speed: output as JSON to a pipe", "speed: output to a file"],
      ["speed: output to a terminal", "speed: output to a file"],
      ...["to the guest", "from the guest"].flatMap((way) => [
        [`speed: ${way}, slirp`] as const,
        [`speed: ${way}, passt with the loopback filter`, `speed: ${way}, slirp`] as const,
        [`speed: ${way}, passt without it`, `speed: ${way}, slirp`] as const,
      ]),
    ],
  },
  { title: "Caches", rows: [["cache: 100 MB"], ["cache: 4 GB", "cache: 100 MB"]] },
  {
    title: "The command",
    rows: [
      ["node -e 0"],
      ["--help", "node -e 0"],
      ["plan of 100 cached steps", "node -e 0"],
      ["build of 100 cached steps", "node -e 0"],
    ],
  },
  {
    title: "Many layers",
    rows: [
      ...["start with", "plan with", "prune of one of"].flatMap((what) => {
        const unit = what.endsWith("of") ? "" : " layers";
        const few = `${what} 10${unit}`;
        return [[few] as const, [`${what} 10000${unit}`, few] as const];
      }),
      ["prune of 10000 layers"],
    ],
  },
  {
    title: "Many machines",
    rows: [
      ["cluster: bound"],
      ["cluster: 8 workers", "cluster: bound"],
      ...["worker time", "processor time a layer"].flatMap((what) =>
        [1, 2, 4, 8].map((workers) => [`8 chains on ${workers}: ${what}`, `8 chains on 1: ${what}`] as const),
      ),
      ...["calls a layer", "microseconds a call"].flatMap((what) =>
        [1, 2, 4, 8].map((workers) => [`count: Redis ${what}, 8 chains on ${workers}`] as const),
      ),
    ],
  },
  {
    title: "A registry on this machine",
    rows: [
      ["registry: push of 49 layers"],
      ["registry: push of the same again", "registry: push of 49 layers"],
      ["registry: 49 blobs looked for"],
      ["registry: look-up"],
      ["registry: cp of a chain of 14"],
      ["registry: pull of a chain of 14", "registry: cp of a chain of 14"],
      ["registry: pull of its last disk"],
      ["registry: longest pause of the event loop"],
    ],
  },
  {
    title: "Peak memory of the command",
    rows: [["memory: one step"], ["memory: copy of 1,000 small files"], ["memory: copy of 200 MB"]],
  },
];

/** Formats a value: times in milliseconds or seconds, memory in MB, speeds in MB/s, counts. */
export function formatMetric(name: string, value: number): string {
  if (name.startsWith("count:")) return value.toFixed(1);
  if (name.startsWith("speed:")) return `${(value / 1e6).toFixed(1)} MB/s`;
  if (name.startsWith("memory:")) return `${Math.round(value / 1e6)} MB`;
  return value < 1_000 ? `${value.toFixed(value < 100 ? 1 : 0)} ms` : `${(value / 1_000).toFixed(2)} s`;
}

/** The number of samples, with the smallest and the largest. */
export function formatSpread(results: Results, name: string): string {
  const samples = results.samples(name);
  const range = [Math.min(...samples), Math.max(...samples)].map((value) => formatMetric(name, value));
  return samples.length === 1 ? "1" : `${samples.length}: ${range.join(" to ")}`;
}
