import type { PlannedStep } from "@ob/builder";
import { baseLayerId, errorMessage, type LayerId, ObError, quotedName, taggedBase } from "@ob/core";
import { parseSpec, printMachine, type Spec } from "@ob/spec";
import { stageSpec } from "../plan/stage-spec.ts";
import { neededStages, type Stage, stagesOf, stepsByStage } from "../plan/stages.ts";
import { type BuildRecord, type ChainJob, mostSteps } from "./build-record.ts";
import { planDigest } from "./plan-digest.ts";

/** A stage, and its layers in order. */
export interface PlannedStage {
  readonly stage: Stage;
  readonly layers: readonly LayerId[];
}

/**
 * The stages of a build. The steps are what its client says: base layers must be those of the images that the spec names, or a
 * worker would make a layer of somebody else's id. The other ids are computed again by the worker that makes them.
 *
 * @throws ObError `BAD_SPEC` if its steps are not those of its spec; `BASE_IMAGE` if it starts from a tag.
 */
export function plannedStages({
  spec: text,
  steps,
}: Pick<BuildRecord, "spec" | "steps">): readonly PlannedStage[] {
  const spec = parsed(text);
  if (!hasAtMost(spec, mostSteps)) throw notItsPlan();
  const stages = stagesOf(spec);
  const planned = stepsByStage(steps);
  if (planned.length !== stages.length) throw notItsPlan();
  return stages.map((stage, index) => {
    const own = planned[index] ?? [];
    checkStage(stage, own);
    return { stage, layers: own.map(({ id }) => id) };
  });
}

function checkStage({ spec: { from, ops } }: Stage, steps: readonly Pick<PlannedStep, "op" | "id">[]): void {
  if (taggedBase(from) !== undefined) {
    throw new ObError(
      "BASE_IMAGE",
      `${quotedName(from)} is a tag of one store, which a cluster does not have.`,
    );
  }
  const kinds = ["from", ...ops.flatMap(({ op }) => (op === "run" || op === "copy" ? [op] : []))];
  const isPlanned = steps.length === kinds.length && steps.every(({ op }, index) => op === kinds[index]);
  if (!isPlanned || steps[0]?.id !== baseLayerId(from)) throw notItsPlan();
}

function notItsPlan(): ObError {
  return new ObError("BAD_SPEC", "The plan of the build does not belong to its spec.");
}

/** True if a spec has no more stages than that. It is asked first: what a stage costs may grow with their number. */
function hasAtMost(spec: Spec, most: number): boolean {
  let count = 0;
  const work = [spec];
  for (let next = work.pop(); next; next = work.pop()) {
    if (++count > most) return false;
    for (const nested of next.builds) work.push(nested.spec);
  }
  return true;
}

function parsed(text: string): Spec {
  try {
    return parseSpec(text);
  } catch (cause) {
    throw new ObError("BAD_SPEC", errorMessage(cause), { cause });
  }
}

/**
 * The layers of a stage that must be made: those after the last one that is published. Without its base image a stage
 * cannot begin, whatever else there is.
 */
export function missingLayers(
  { layers }: PlannedStage,
  isPublished: (id: LayerId) => boolean,
): readonly LayerId[] {
  const [base] = layers;
  if (base !== undefined && !isPublished(base)) return layers;
  return layers.slice(layers.findLastIndex(isPublished) + 1);
}

/** A build, as its jobs need it. */
export interface PlannedBuild {
  readonly build: string;
  readonly record: BuildRecord;
  readonly stages: readonly PlannedStage[];
  /** W3C trace context. */
  readonly traceparent: string | undefined;
}

/** The job that makes the missing layers of a stage. */
export function chainJob(
  { build, record, stages, traceparent }: PlannedBuild,
  index: number,
  chain: readonly LayerId[],
): Omit<ChainJob, "v" | "start"> {
  const specs = stages.map(({ stage }) => stage);
  const spec = stageSpec(specs, index);
  const needed = [...neededStages(specs, index), index];
  const all = needed.flatMap((each) => stages[each]?.layers ?? []);
  const missing = new Set(chain);
  const bases = needed.flatMap((each) => {
    const [base] = stages[each]?.layers ?? [];
    const name = specs[each]?.spec.from;
    return base !== undefined && name !== undefined ? [[name, base] as const] : [];
  });
  const pool = Object.hasOwn(record.pools, spec.from) ? record.pools[spec.from] : undefined;
  if (pool === undefined) throw new ObError("USAGE", `No pool builds on ${JSON.stringify(spec.from)}.`);
  return {
    build,
    pool,
    since: record.time,
    chain: [...chain],
    given: [...new Set(all)].filter((id) => !missing.has(id)),
    bases: Object.fromEntries(bases),
    spec: printMachine(spec),
    plan: planDigest(record),
    ...(record.context !== undefined && { context: record.context }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** The most that the specs of all chains of a build may have together, in characters. */
const mostHandedOut = 64 * 2 ** 20;

/**
 * How much of its spec a build puts into the queues: a chain has the stages that it copies from, so that a short spec can become
 * very many long ones.
 */
export class HandedOut {
  readonly #lengths = new Map<number, number>();
  #total = 0;

  /** Counts the chain of a stage, once. @throws ObError `BAD_SPEC` if it is too much. */
  add(stage: number, { spec }: Pick<ChainJob, "spec">): void {
    if (this.#lengths.has(stage)) return;
    this.#lengths.set(stage, spec.length);
    this.#total += spec.length;
    if (this.#total <= mostHandedOut) return;
    throw new ObError(
      "BAD_SPEC",
      `The stages of the build, each with those that it copies from, have more than ${mostHandedOut} characters.`,
      {
        hint: "Copy from fewer builds, or from shorter ones.",
      },
    );
  }
}
