import { errorMessage, type LayerId, ObError } from "@ob/core";
import { parseSpec, printMachine, type Spec } from "@ob/spec";
import { stageSpec } from "../plan/stage-spec.ts";
import { layersByStage, neededStages, type Stage, stagesOf } from "../plan/stages.ts";
import type { BuildRecord, ChainJob } from "./build-record.ts";
import { planDigest } from "./plan-digest.ts";

/** A stage, and its layers in order. */
export interface PlannedStage {
  readonly stage: Stage;
  readonly layers: readonly LayerId[];
}

/** The stages of a build. @throws ObError `BAD_SPEC` if its steps are not those of its spec. */
export function plannedStages(record: BuildRecord): readonly PlannedStage[] {
  const stages = stagesOf(parsed(record.spec));
  const layers = layersByStage(record.steps);
  if (layers.length !== stages.length) {
    throw new ObError("BAD_SPEC", "The plan of the build does not belong to its spec.");
  }
  return stages.map((stage, index) => ({ stage, layers: layers[index] ?? [] }));
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
  const pool = record.pools[spec.from];
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
