import { cancelledError, type ErrorCode, isObError, type LayerId, type ObEvent, tailLines } from "@ob/core";
import type { CaseChain, CaseGroup, CaseResult, LifeCycleCase } from "./case.ts";
import { ChainRun, type ChainRunOptions } from "./chain-run.ts";
import { chainSpec } from "./chain-spec.ts";
import { describeError } from "./describe-error.ts";
import type { LifeCycleEngine } from "./engine.ts";
import type { Recorder } from "./recorder.ts";

export interface ChainTools {
  readonly engine: LifeCycleEngine;
  /** The name of the image in the engine's store. */
  readonly image: string;
  readonly sourceDirectory: string;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly stepTimeoutMs: number;
  readonly recorder: Recorder;
  /** True if the store has a layer of that id. */
  readonly isStored: (id: string) => Promise<boolean>;
  /** A word that no script prints by itself. */
  readonly mark: string;
  /** See `ChainRunOptions`. */
  readonly outputs: Map<string, string>;
  readonly onStart: (name: string) => void;
  readonly onResult: (result: CaseResult) => void;
  readonly signal: AbortSignal;
  /** Gets what the engine reports. */
  readonly emit: (event: ObEvent) => void;
}

export interface ChainEnd {
  readonly results: readonly CaseResult[];
  /** The last layer; undefined if there is none. */
  readonly layer: LayerId | undefined;
}

/** After these no other step could do better. */
const fatal: readonly ErrorCode[] = ["BASE_IMAGE", "BOOT_FAILED", "MISSING_TOOL", "NO_SPACE", "STORE"];

/** What is not yet known of a chain. */
interface ChainState {
  readonly chain: CaseChain;
  readonly results: Map<LifeCycleCase, CaseResult>;
  /** Cases that are not built again. */
  readonly left: Set<LifeCycleCase>;
  readonly separate: Set<CaseGroup>;
  readonly settle: ChainRunOptions["settle"];
}

/**
 * Builds the steps of all cases as one spec. A case that fails is left out, and the spec is built again: what came before
 * is in the store, so that only the rest is run. If a step that runs several scripts fails, each gets a step of its own.
 *
 * @throws ObError `CANCELLED`.
 */
export async function runChain(chain: CaseChain, tools: ChainTools): Promise<ChainEnd> {
  const all = chain.groups.flatMap(({ cases }) => cases);
  const results = new Map<LifeCycleCase, CaseResult>();
  const settle: ChainRunOptions["settle"] = (each, result) => {
    if (results.has(each)) return;
    const whole = { name: each.name, ...result };
    results.set(each, whole);
    tools.onResult(whole);
  };
  const state = { chain, results, settle, left: new Set<LifeCycleCase>(), separate: new Set<CaseGroup>() };
  for (const each of all) {
    if (each.skip === undefined) continue;
    settle(each, { outcome: "skipped", reason: each.skip });
    state.left.add(each);
  }
  let layer: LayerId | undefined;
  while (state.left.size < all.length) {
    const run = await tryChain(state, tools);
    layer = run.lastLayer ?? layer;
    if (run.broken.size === 0 && run.ended) break;
    for (const { group } of run.broken) state.separate.add(group);
  }
  return { results: all.flatMap((each) => results.get(each) ?? []), layer };
}

/** Builds once. @returns with `ended` if there is nothing to try again. */
async function tryChain(
  state: ChainState,
  tools: ChainTools,
): Promise<Pick<ChainRun, "lastLayer" | "broken"> & { readonly ended: boolean }> {
  const { chain, left, separate, settle } = state;
  const isIncluded = (each: LifeCycleCase): boolean => !left.has(each);
  const spec = chainSpec(chain.groups, { image: tools.image, isIncluded, separate, mark: tools.mark });
  const run = new ChainRun(spec, { ...tools, settle });
  try {
    await buildChain(spec.text, { run, chain, tools });
    return { lastLayer: run.lastLayer, broken: run.broken, ended: true };
  } catch (error) {
    if (tools.signal.aborted) throw cancelledError(tools.signal);
    const ended = await blame(error, { run, state, tools });
    return { lastLayer: run.lastLayer, broken: run.broken, ended };
  }
}

/** Finds the case that an error belongs to, and leaves it out. @returns true if no case can be run any more. */
async function blame(
  error: unknown,
  { run, state, tools }: { readonly run: ChainRun; readonly state: ChainState; readonly tools: ChainTools },
): Promise<boolean> {
  const { chain, left, settle } = state;
  const { each, shared } = run.lineOf(error);
  const isFatal = isObError(error, ...fatal);
  if (shared && !isFatal) {
    run.broken.add(shared);
    return false;
  }
  const others = chain.groups.flatMap(({ cases }) => cases).filter((other) => !left.has(other));
  const guilty = each ?? shared?.cases[0] ?? others[0];
  if (guilty === undefined) return true;
  settle(guilty, await judge(guilty, error, { run, tools }));
  left.add(guilty);
  if (!isFatal) return false;
  const reason = `Not run, because of the failure of: ${guilty.name}.`;
  for (const other of others) settle(other, { outcome: "skipped", reason });
  return true;
}

interface ChainBuild {
  readonly run: ChainRun;
  readonly chain: CaseChain;
  readonly tools: ChainTools;
}

async function buildChain(spec: string, { run, chain, tools }: ChainBuild): Promise<void> {
  const { engine, sourceDirectory, secrets, stepTimeoutMs, recorder, signal, emit } = tools;
  const { reuseVm } = chain;
  const listen = recorder.listen((event) => {
    run.take(event);
    emit(event);
  });
  // A build warns of a secret that it does not use.
  const given = spec.includes("(secrets ") ? secrets : new Map<string, Uint8Array>();
  const build = { spec, sourceDirectory, secrets: given, reuseVm, stepTimeoutMs };
  await engine.build(build, { signal, emit: listen });
  run.finish();
}

/** The result of the case that ended a build. */
async function judge(
  each: LifeCycleCase,
  error: unknown,
  { run, tools }: { readonly run: ChainRun; readonly tools: ChainTools },
): Promise<Omit<CaseResult, "name">> {
  const milliseconds = run.millisecondsOf(each);
  if (isObError(error, "UNSUPPORTED")) return { outcome: "skipped", reason: error.message };
  const outcome = each.required === false ? "warning" : "failed";
  const { reason, output: more } = describeError(error);
  const printed = tailLines(run.outputOf(each).text, 12);
  const output = [more, printed].filter((part) => part.trim() !== "").join("\n");
  // An error without a status is never what a case without one expects.
  const isExpected =
    each.status !== undefined && isObError(error, "STEP_FAILED") && error.exitCode === each.status;
  if (!isExpected) {
    return { outcome, reason, ...(output !== "" && { output }), milliseconds };
  }
  const fault =
    error.step !== undefined && (await tools.isStored(error.step.id))
      ? "The failed step left a layer."
      : each.fault?.(run.outputOf(each));
  return fault === undefined
    ? { outcome: "passed", milliseconds }
    : { outcome, reason: fault, output, milliseconds };
}
