import { readMedian } from "../read-results.ts";
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

/** A parameter that a benchmark measures. */
export interface MeasuredParameter {
  /** `vm.boot` */
  readonly name: string;
  readonly metric: string;
  readonly unit: string;
  /** In that unit; undefined if the report does not have it. */
  readonly value: number | undefined;
}

/** What a report of the benchmark says of the parameters that it measures. @param markdown the report. */
export function readMeasured(markdown: string): readonly MeasuredParameter[] {
  return Object.entries(source).flatMap(([group, parameters]) =>
    Object.entries<Entry>(parameters).flatMap(([name, { metric, unit, divisor = 1 }]) => {
      if (metric === undefined) return [];
      const median = readMedian(markdown, metric);
      return [{ name: `${group}.${name}`, metric, unit, value: median && median / divisor }];
    }),
  );
}

interface Entry {
  /** What is taken where nothing was measured. */
  readonly value: number;
  readonly unit: string;
  /** The name of the benchmark's metric. */
  readonly metric?: string;
  /** What the metric's value is divided by. */
  readonly divisor?: number;
}

/** The standard parameters, with what was measured in its place. */
export function withMeasured(measured: readonly MeasuredParameter[]): Parameters {
  const { vm, redis, ...rest } = standard;
  const given = (group: string) =>
    Object.fromEntries(
      measured.flatMap(({ name, value }) =>
        value !== undefined && name.startsWith(`${group}.`) ? [[name.slice(group.length + 1), value]] : [],
      ),
    );
  return { ...rest, vm: { ...vm, ...given("vm") }, redis: { ...redis, ...given("redis") } };
}

/** Parameters without failures of workers. */
export function withoutFailures(parameters: Parameters): Parameters {
  return { ...parameters, workers: { ...parameters.workers, meanTimeToFailure: Infinity } };
}
