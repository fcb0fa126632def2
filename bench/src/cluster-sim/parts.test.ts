import { describe, expect, it } from "vitest";
import {
  calibrate,
  type Measurement,
  prototype,
  readMeasurement,
  simulateMeasurement,
} from "./calibration.ts";
import { figure } from "./figure.ts";
import { LayerCache } from "./layer-cache.ts";
import { readMeasured, standard, withMeasured } from "./parameters.ts";
import { Random } from "./random.ts";
import source from "./parameters.json" with { type: "json" };
import { simulate } from "./simulate.ts";
import { calibrationTable, measuredTable, resultTable } from "./table.ts";
import { Server, Timeline } from "./timeline.ts";
import { shareOut } from "./worker.ts";
import { makeWorkload } from "./workload.ts";

describe("the parameters", () => {
  const report = `
| first step cold | 9.50 s | 1.2 × bare boot | 7: 8.29 s to 9.73 s |
| further step resumed | 612 ms | 0.06 × first step cold | 69: 307 ms to 792 ms |
| count: Redis calls a layer, 8 chains on 8 | 79.4 |  | 1 |
| count: Redis microseconds a call, 8 chains on 8 | 12.5 |  | 1 |
`;

  it("are those that the report of the benchmark has measured, and else the standard ones", () => {
    const { vm, redis, ...others } = withMeasured(readMeasured(report));
    expect(vm).toEqual({ boot: 9.5, resume: standard.vm.resume, reuse: 0.612 });
    expect(redis).toEqual({ ...standard.redis, callsPerChainLayer: 79.4, secondsPerCall: 12.5e-6 });
    expect(standard).toMatchObject(others);
    expect(withMeasured(readMeasured("nothing"))).toEqual(standard);
  });

  it("are listed with their metrics, also those that were not measured", () => {
    const table = measuredTable(readMeasured(report));
    expect(table).toContain("| vm.reuse | 0.612 s | further step resumed |");
    expect(table).toContain("| vm.resume | not measured | first step resumed |");
  });
});

describe("the calibration", () => {
  it("reads the time of the eight workers from the benchmark's report", () => {
    const text =
      "| cluster: bound | 13.20 s |  | 1 |\n| cluster: 8 workers | 18.76 s | 1.42 × cluster: bound | 1 |\n";
    expect(readMeasurement(text)?.measured).toBe(18.76);
    expect(readMeasurement(text.replace("18.76 s", "760 ms"))?.measured).toBe(0.76);
    expect(readMeasurement("nothing")).toBeUndefined();
    expect(readMeasurement(text)?.calls).toBeUndefined();
    expect(readMeasurement(`${text}| count: Redis calls a layer, 8 chains on 8 | 79.4 |`)?.calls).toBe(79.4);
  });

  it("finds the cost of a call that a simulated measurement had, and reports the error", () => {
    const [first] = prototype;
    const simulated: Measurement = { ...first!, measured: simulateMeasurement(first!, 0.0005) };
    const { secondsPerCall, comparisons } = calibrate([simulated]);
    expect(secondsPerCall).toBeGreaterThan(0.00045);
    expect(secondsPerCall).toBeLessThan(0.00055);
    expect(Math.abs(comparisons[0]?.error ?? 1)).toBeLessThan(0.05);
    expect(calibrationTable(calibrate(prototype), simulated).split("\n")).toHaveLength(2 + 3 + 2);
  });

  it("takes steps for slower than chains, as the prototype was", () => {
    const [chains, steps] = prototype.map((each) => simulateMeasurement(each, 0.0003));
    expect(steps ?? 0).toBeGreaterThan(1.4 * (chains ?? 0));
  });
});

describe("the parts of the simulator", () => {
  it("name a source for each parameter", () => {
    const all = Object.values(source).flatMap((group) => Object.values(group));
    expect(all.filter((each) => !/^(measured|guessed|timing\.ts)/.test(each.source))).toEqual([]);
  });

  it("keep a store below its size by removing what was used longest ago", () => {
    const store = new LayerCache(10);
    for (const id of [1, 2]) store.add(id, 5);
    expect(store.use(1)).toBe(true);
    store.add(3, 5);
    expect([store.use(1), store.use(2), store.use(3), store.used]).toEqual([true, false, true, 10]);
  });

  it("run events by time, and in the order of their planning", () => {
    const timeline = new Timeline();
    const seen: string[] = [];
    timeline.at(2, () => seen.push("c"));
    timeline.at(1, () => {
      seen.push("a");
      timeline.after(0, () => seen.push("b"));
    });
    timeline.at(2, () => seen.push("d"));
    timeline.run(() => false);
    expect(seen).toEqual(["a", "b", "c", "d"]);
  });

  it("draw numbers that differ from the first on, also with near seeds", () => {
    const firsts = Array.from({ length: 200 }, (_, seed) => new Random(seed).uniform());
    const mean = firsts.reduce((sum, each) => sum + each, 0) / firsts.length;
    expect(mean).toBeGreaterThan(0.4);
    expect(mean).toBeLessThan(0.6);
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeGreaterThan(0.9);
  });

  it("serve one request after the other", () => {
    const server = new Server();
    expect([server.serve(0, 2), server.serve(1, 2), server.serve(10, 2)]).toEqual([2, 4, 12]);
  });

  it("share all workers out by work, and leave no pool without", () => {
    expect(shareOut(10, [70, 20, 9, 1])).toEqual([6, 2, 1, 1]);
  });
});

describe("the report of the simulations", () => {
  const workload = makeWorkload(standard, { builds: 30, workers: 10, seed: 1 });
  const options = { parameters: standard, workload, workers: 10, seed: 1 };
  const runs = (["step", "chain"] as const).map((policy) => ({
    ...{ workers: 10, policy, variant: "" },
    outcome: simulate({ ...options, policy }),
  }));

  it("has a row for each", () => {
    const rows = resultTable(runs, standard).split("\n");
    expect(rows).toHaveLength(4);
    expect(rows[3]).toMatch(/^\| 10 \| chain \| \d/);
  });

  it("has a figure that follows the reader's theme", async () => {
    const svg = await figure(runs);
    expect(svg).toMatch(/^<svg[^>]*><style>@media \(prefers-color-scheme:dark\)/);
    expect(svg).toContain("MB moved a step");
  });
});
