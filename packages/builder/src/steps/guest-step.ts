import { ObError } from "@ob/core";
import type { CopyOp, RunOp } from "@ob/spec";
import type { Context } from "../context.ts";
import type { BuildScope } from "../scheduling/scheduler.ts";
import type { LayerBuild } from "../sharing/single-flight.ts";
import { type CopyStep, copyLayer, prepareCopy } from "./copy.ts";
import {
  type CopyFromStep,
  copyFromLayer,
  type CopySource,
  prepareCopyFrom,
  type PrepareOptions,
} from "./copy-from-build.ts";
import { prepareRun, runLayer, type RunStep } from "./run.ts";
import type { StepDeps } from "./step-deps.ts";

/** A step that runs in a guest. */
export type GuestStep = RunStep | CopyStep | CopyFromStep;

/**
 * Computes the step's id, and all that its layer is built from.
 *
 * @throws ObError `BAD_SECRET`, `BAD_SOURCE`, `BAD_SPEC`, `CANCELLED`.
 */
export async function prepareStep(
  op: RunOp | CopyOp,
  { context, base }: PrepareOptions,
  scope: BuildScope,
): Promise<GuestStep> {
  if (op.op === "run") return prepareRun(op, context, base);
  switch (op.from.kind) {
    case "context":
      return await prepareCopy(op, context, { base, signal: scope.signal });
    case "build":
      return prepareCopyFrom(op, await sourceOf(op.from.name, context, scope), { context, base });
  }
}

async function sourceOf(name: string, context: Context, scope: BuildScope): Promise<CopySource> {
  const building = context.scope.get(name);
  if (building) return { name, build: await scope.join(building) };
  throw noSuchBuild(name);
}

export function noSuchBuild(name: string): ObError {
  return new ObError("BAD_SPEC", `There is no build ${JSON.stringify(name)} to copy from.`, {
    hint: "A copy can use builds that come before its own build, or before an enclosing one.",
  });
}

/** The layer of a step, and how it is built. */
export function guestLayer(step: GuestStep, deps: StepDeps): LayerBuild {
  switch (step.kind) {
    case "run":
      return runLayer(step, deps);
    case "copy":
      return copyLayer(step, deps);
    case "copy-from":
      return copyFromLayer(step, deps);
  }
}
