import type { Results } from "./results.ts";

/** A performance target: a limit on the ratio of two metrics of one run. */
export interface Target {
  readonly title: string;
  readonly limit: number;
  readonly kind: "at most" | "at least";
  readonly value: (results: Results) => number | undefined;
}

const atMost = (title: string, limit: number, value: Target["value"]): Target => ({
  title,
  limit,
  kind: "at most",
  value,
});
const atLeast = (title: string, limit: number, value: Target["value"]): Target => ({
  title,
  limit,
  kind: "at least",
  value,
});

export const targets: readonly Target[] = [
  atMost("cold first step / bare boot to banner", 1.15, (r) => r.ratio("cold first step", "bare boot")),
  atMost("each further step with VM reuse / cold first step", 0.03, (r) =>
    r.ratio("further step with VM reuse", "first step cold"),
  ),
  atMost("first step resumed / cold first step", 0.2, (r) =>
    r.ratio("first step resumed", "first step cold"),
  ),
  ...["secrets", "network"].map((what) =>
    atMost(`step after ${what}, whose VM is not reused / cold first step`, 0.3, (r) =>
      r.ratio(`step after ${what}`, "first step cold"),
    ),
  ),
  atMost("first build of a store / without snapshots", 1.05, (r) =>
    r.ratio("first build of a store", "first build of a store, without snapshots"),
  ),
  atMost("last step changed, resumed / cold", 0.4, (r) =>
    r.ratio("last step changed, resumed", "last step changed, cold"),
  ),
  atLeast("run, copy, run: the original's procedure / cold", 8, (r) =>
    r.ratio("run, copy, run: original", "run, copy, run: cold"),
  ),
  atLeast("run, copy, run: the original's procedure / resumed", 25, (r) =>
    r.ratio("run, copy, run: original", "run, copy, run: resumed"),
  ),
  atLeast("copy of 100 MB in 500 files: the original's procedure / resumed", 6, (r) =>
    r.ratio("copy of 100 MB: original, our CPU model", "copy of 100 MB: resumed"),
  ),
  atMost("copy of 200 MB / ssh tar -x", 0.25, (r) => r.ratio("copy: 200 MB", "ssh tar: 200 MB")),
  atMost("cache acquired and released, 4 GB / 100 MB", 1.2, (r) => r.ratio("cache: 4 GB", "cache: 100 MB")),
  atMost("plan of 100 cached steps / node -e 0", 3, (r) => r.ratio("plan of 100 cached steps", "node -e 0")),
  atMost("--help / node -e 0", 1.6, (r) => r.ratio("--help", "node -e 0")),
  atMost("cached build of ten steps / node -e 0", 1.8, (r) =>
    r.ratio("build of 10 cached steps", "node -e 0"),
  ),
  atMost("start with 10,000 layers / with 10", 1.2, (r) =>
    r.ratio("start with 10000 layers", "start with 10 layers"),
  ),
  atMost("systemd: each further step / cold first step", 0.08, (r) =>
    r.ratio("systemd: further step", "systemd: first step cold"),
  ),
  atMost("systemd: first step resumed / cold first step", 0.15, (r) =>
    r.ratio("systemd: first step resumed", "systemd: first step cold"),
  ),
  atLeast("systemd: 5 steps: the original's procedure / resumed", 10, (r) =>
    r.ratio("systemd: 5 steps, original", "systemd: 5 steps"),
  ),
  atMost("cluster: 480 layers on 8 workers / bound", 1.5, (r) =>
    r.ratio("cluster: 8 workers", "cluster: bound"),
  ),
  atMost("cluster: commits / layers", 1, (r) => r.ratio("commits of the cluster", "layers of the cluster")),
  atLeast("cluster: steps that continued / that could", 0.9, (r) =>
    r.ratio("steps that continued", "steps that could continue"),
  ),
  ...[2, 4, 8].map((workers) =>
    atLeast(`cluster: efficiency of ${workers} workers`, 0.9, (r) =>
      r.ratio("8 chains on 1: worker time", `8 chains on ${workers}: worker time`),
    ),
  ),
];

export function isMet({ kind, limit }: Target, value: number): boolean {
  return kind === "at most" ? value <= limit : value >= limit;
}
