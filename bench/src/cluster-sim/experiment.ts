import type { Parameters } from "./parameters.ts";
import { type Outcome, type Policy, policies, simulate } from "./simulate.ts";
import { makeWorkload } from "./workload.ts";

/** One simulation of the table. */
export interface Run {
  readonly workers: number;
  readonly policy: Policy;
  /** What differs from the standard parameters; empty if nothing does. */
  readonly variant: string;
  readonly outcome: Outcome;
}

/** Fewer builds a worker for more workers: the time that it takes grows with the builds. */
const sizes = [
  { workers: 10, builds: 1_000 },
  { workers: 100, builds: 5_000 },
  { workers: 1_000, builds: 25_000 },
  { workers: 10_000, builds: 50_000 },
];
const quickSizes = [
  { workers: 10, builds: 500 },
  { workers: 100, builds: 1_500 },
  { workers: 1_000, builds: 5_000 },
];

/** Eight registries, each with a network of its own. */
const registries = 8;
function withMoreRegistries({ registry, ...rest }: Parameters): Parameters {
  return { ...rest, registry: { ...registry, bytesPerSecond: registries * registry.bytesPerSecond } };
}

/** All policies on clusters of all sizes; the largest also with more registries. */
export function* experiment({
  quick,
  seed,
  parameters,
}: {
  readonly quick: boolean;
  readonly seed: number;
  readonly parameters: Parameters;
}): Generator<Run> {
  for (const { workers, builds } of quick ? quickSizes : sizes) {
    const workload = makeWorkload(parameters, { builds, workers, seed });
    const shared = { workload, workers, seed };
    for (const policy of policies) {
      const outcome = simulate({ ...shared, parameters, policy });
      yield { workers, policy, variant: "", outcome };
    }
    if (workers < 10_000) continue;
    const outcome = simulate({ ...shared, parameters: withMoreRegistries(parameters), policy: "chain" });
    yield { workers, policy: "chain", variant: `${registries} registries`, outcome };
  }
}
