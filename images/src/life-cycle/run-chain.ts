import { cancelledError, type ErrorCode, isObError, type LayerId, type ObEvent, tailLines } from "@ob/core";
import { ChainRun } from "./chain-run.ts";
import type { CaseChain, CaseResult, LifeCycleCase } from "./case.ts";
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

/**
 * Builds the steps of all cases as one spec. A case that fails is left out, and the spec is built again: what came before
 * is in the store, so that only the rest is run.
 *
 * @throws ObError `CANCELLED`.
 */
export async function runChain(chain: CaseChain, tools: ChainTools): Promise<ChainEnd> {
  const { onResult, signal } = tools;
  const results = new Map<LifeCycleCase, CaseResult>();
  const settle = (each: LifeCycleCase, result: Omit<CaseResult, "name">): void => {
    if (results.has(each)) return;
    const whole = { name: each.name, ...result };
    results.set(each, whole);
    onResult(whole);
  };
  for (const each of chain.cases) {
    if (each.skip !== undefined) settle(each, { outcome: "skipped", reason: each.skip });
  }
  let included = chain.cases.filter((each) => each.skip === undefined);
  let layer: LayerId | undefined;
  while (included.length > 0) {
    const run = new ChainRun(included, { ...tools, settle });
    try {
      layer = await buildChain(run, chain, tools);
      break;
    } catch (error) {
      if (signal.aborted) throw cancelledError(signal);
      layer = run.lastLayer ?? layer;
      const guilty = run.caseOf(error) ?? included[0];
      if (guilty === undefined) break;
      settle(guilty, await judge(guilty, error, { run, tools }));
      included = included.filter((each) => each !== guilty);
      if (!isObError(error, ...fatal)) continue;
      const reason = `Not run, because of the failure of: ${guilty.name}.`;
      for (const each of included) settle(each, { outcome: "skipped", reason });
      break;
    }
  }
  return { results: chain.cases.flatMap((each) => results.get(each) ?? []), layer };
}

async function buildChain(run: ChainRun, chain: CaseChain, tools: ChainTools): Promise<LayerId> {
  const { engine, sourceDirectory, secrets, stepTimeoutMs, recorder, signal, emit } = tools;
  const { reuseVm } = chain;
  const listen = recorder.listen((event) => {
    run.take(event);
    emit(event);
  });
  const build = { spec: run.spec, sourceDirectory, secrets, reuseVm, stepTimeoutMs };
  const id = await engine.build(build, { signal, emit: listen });
  run.finish();
  return id;
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
  const [reason = "", ...more] = (error instanceof Error ? error.message : String(error)).split("\n");
  const printed = tailLines(run.outputOf(each).text, 12);
  const output = [more.join("\n"), printed].filter((part) => part.trim() !== "").join("\n");
  if (!isObError(error, "STEP_FAILED") || error.exitCode !== each.status) {
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
