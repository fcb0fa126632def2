import { describe, expect, it } from "vitest";
import { standard, withoutFailures } from "./parameters.ts";
import { type Outcome, percentile, policies, type Policy, simulate } from "./simulate.ts";
import { type Build, Layers, makeWorkload, type Workload } from "./workload.ts";

const calm = withoutFailures(standard);
/** Every worker dies about every ten minutes. */
const deadly = { ...standard, workers: { ...standard.workers, meanTimeToFailure: 600 } };

const small = makeWorkload(standard, { builds: 300, workers: 20, seed: 7 });
const seed = 3;

function run(policy: Policy, parameters = calm, workload: Workload = small): Outcome {
  return simulate({ parameters, workload, policy, workers: 20, seed });
}

describe("a simulated cluster", () => {
  it.each(["step", "chain"] as const)(
    "makes each layer once if a job is a %s and no worker dies",
    (policy) => {
      const { commits, duplicates, lost } = run(policy);
      expect({ commits, duplicates, lost }).toEqual({ commits: small.layers.length, duplicates: 0, lost: 0 });
    },
  );

  it("makes layers twice if a job is a build, and counts them", () => {
    const { commits, duplicates } = run("build");
    expect(duplicates).toBeGreaterThan(0);
    expect(commits - duplicates).toBe(small.layers.length);
  });

  it("continues only where a job has more than a step", () => {
    expect(run("step").continued).toBe(0);
    expect(run("chain").continued).toBeGreaterThan(0.5 * small.layers.length);
  });

  it.each(policies)("gives equal results for equal seeds, and others for others: a job is a %s", (policy) => {
    expect(run(policy, deadly)).toEqual(run(policy, deadly));
    const other = simulate({ parameters: deadly, workload: small, policy, workers: 20, seed: seed + 1 });
    expect(other.ends).not.toEqual(run(policy, deadly).ends);
  });

  it.each(policies)("never beats the bound, nor a build its ideal time: a job is a %s", (policy) => {
    for (const parameters of [calm, deadly]) {
      const { ends, ideal, makespan, bound } = run(policy, parameters);
      const first = small.builds[0]?.arrival ?? 0;
      expect(makespan).toBeGreaterThanOrEqual(Math.max(...ideal.ends) - first - 1e-6);
      expect(makespan).toBeGreaterThanOrEqual(bound - 1e-6);
      for (const [index, end] of ends.entries()) {
        expect(end).toBeGreaterThanOrEqual((ideal.ends[index] ?? 0) - 1e-6);
      }
    }
  });

  it.each(policies)("ends all builds though workers die: a job is a %s", (policy) => {
    const { ends, deaths, lost, commits, duplicates, takeovers } = run(policy, deadly);
    expect(deaths).toBeGreaterThan(5);
    expect(ends.filter(Number.isFinite)).toHaveLength(small.builds.length);
    expect(takeovers.length).toBeGreaterThan(0);
    // What was lost is made again: nothing else is made twice under claims.
    if (policy !== "build") expect(duplicates).toBe(0);
    expect(commits).toBeGreaterThanOrEqual(small.layers.length);
    expect(commits).toBeLessThanOrEqual(small.layers.length + lost + duplicates);
  });

  it("takes a chain over once its claim has ended and somebody has looked", () => {
    const { takeovers } = simulate({
      ...{ parameters: deadly, workload: small, policy: "chain", seed },
      // So many workers that none has to be waited for.
      workers: 2_000,
    });
    const { claim, renew, stalled } = standard.redis;
    expect(Math.min(...takeovers)).toBeGreaterThanOrEqual(claim - renew);
    expect(percentile(takeovers, 0.5)).toBeLessThanOrEqual(claim + stalled);
  });

  it("is not slower with more workers, and not faster with a slow registry", () => {
    const total = ({ ends }: Outcome) => ends.reduce((sum, end) => sum + end, 0);
    const times = [8, 16, 64].map((workers) =>
      total(simulate({ parameters: calm, workload: small, policy: "chain", workers, seed })),
    );
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    const slow = { ...calm, registry: { ...calm.registry, bytesPerSecond: 1e6 } };
    expect(total(run("chain", slow))).toBeGreaterThan(total(run("chain")));
  });

  it("lets a small client not wait for all builds of a large one", () => {
    const workload = crowded();
    const last = (isFair: boolean) =>
      simulate({ parameters: calm, workload, policy: "chain", workers: 2, seed, isFair }).ends.at(-1) ?? 0;
    expect(last(true)).toBeLessThan(0.2 * last(false));
  });
});

/** Forty builds of one client, and then one of another. */
function crowded(): Workload {
  const layers = new Layers();
  const builds = Array.from({ length: 41 }, (_, index): Build => {
    const draw = () => ({ seconds: 20, bytes: 1_000 });
    const stage = { pool: 0, base: 0, copiesFrom: [] };
    const own = layers.grow(undefined, `${index}`, { count: 3, draw });
    return { client: index < 40 ? 0 : 1, arrival: 0, stages: [{ ...stage, layers: own }] };
  });
  return { pools: 1, layers: layers.all, builds };
}
