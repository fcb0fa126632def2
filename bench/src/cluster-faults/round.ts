import type { RunRecord } from "../../../packages/cluster/src/test-worker.test.helper.ts";
import { shape } from "./fault-cluster.ts";
import type { Campaign, FaultContext, Interruption } from "./campaigns.ts";

/** What a round has shown. */
export interface Round {
  readonly seconds: number;
  /** Builds that did not end well; none should. */
  readonly lost: number;
  /** Layers that were announced as published, and that were made again; none should. */
  readonly redone: number;
  /** Layers on another version of their parent than the cluster's; none should. */
  readonly mixed: number;
  /** Layers with more than one version in the registry; none should. */
  readonly twice: number;
  /** From a fault until another worker has begun the interrupted step, in milliseconds. */
  readonly takeovers: readonly number[];
  /** Steps that the fault interrupted and that nobody has begun again; none should. */
  readonly notTaken: number;
}

/** Submits builds, does the damage, and looks at what became of it. */
export async function playRound(campaign: Campaign, context: FaultContext): Promise<Round> {
  const { running } = context;
  await running.fill();
  const earlier = (await running.runs()).length;
  const twiceBefore = await running.twice();
  const start = performance.now();
  const builds = await running.submit();
  const interruptions = await campaign.strike(context);
  const finished = await running.finished(builds);
  const seconds = (performance.now() - start) / 1_000;
  const runs = (await running.runs()).slice(earlier);
  const { published } = running;
  const again = runs.filter(
    ({ event, time, layer }) => event === "begun" && time > (published.get(layer) ?? Infinity),
  );
  const takeovers = interruptions.map((each) => takeoverOf(each, runs));
  return {
    seconds,
    lost: shape.builds - finished,
    redone: again.length,
    mixed: (await running.cluster.mixedLayers()).length,
    twice: (await running.twice()) - twiceBefore,
    takeovers: takeovers.filter((each) => each !== undefined),
    notTaken: takeovers.filter((each) => each === undefined).length,
  };
}

function takeoverOf({ run, at }: Interruption, runs: readonly RunRecord[]): number | undefined {
  const next = runs.find(
    ({ event, layer, worker, time }) =>
      event === "begun" && layer === run.layer && worker !== run.worker && time > at,
  );
  return next && next.time - at;
}
