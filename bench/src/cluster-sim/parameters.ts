import source from "./parameters.json" with { type: "json" };

type Values<Group> = { readonly [Name in keyof Group]: number };

type Source = typeof source;

/** The parameters of a simulation, in the units that parameters.json names, which also says where each is from. */
export type Parameters = {
  readonly [Name in Exclude<keyof Source, "pools">]: Values<Source[Name]>;
} & {
  /** The share of the projects that each pool has. */
  readonly pools: Readonly<Record<string, number>>;
};

function values<Group extends Readonly<Record<string, { readonly value: number }>>>(
  group: Group,
): Values<Group> {
  const entries = Object.entries(group).map(([name, { value }]) => [name, value] as const);
  // The names are those of the group.
  return Object.fromEntries(entries) as Values<Group>;
}

export const standard: Parameters = {
  workers: values(source.workers),
  vm: values(source.vm),
  redis: values(source.redis),
  registry: values(source.registry),
  workload: values(source.workload),
  pools: values(source.pools),
};

/** Parameters without failures of workers. */
export function withoutFailures(parameters: Parameters): Parameters {
  return { ...parameters, workers: { ...parameters.workers, meanTimeToFailure: Infinity } };
}
