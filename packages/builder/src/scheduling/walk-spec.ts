import { type GuestImage, type StepInfo, type StepSession, type Store, throwIfCancelled } from "@ob/core";
import type { CopyOp, Op, RunOp, Spec } from "@ob/spec";
import {
  type Context,
  type FinishedBuild,
  guestUser,
  nestedContext,
  resolveGuestPath,
  withBuild,
  withVariable,
} from "../context.ts";
import { buildFinished, buildHeading, opHeading } from "../op-label.ts";
import { type Base, type FromStep, prepareFrom } from "../steps/from.ts";
import { type GuestStep, prepareStep } from "../steps/guest-step.ts";
import { atPlace, placeOf } from "../place.ts";
import type { MakeAgain, NeededLayer } from "../steps/lost-layers.ts";
import type { StepPosition } from "../steps/step-deps.ts";
import type { RenewedSteps } from "./renewed-steps.ts";
import type { BuildScope } from "./scheduler.ts";

/** What is done with the steps: a build builds their layers, a plan only looks for them. */
export interface StepVisitor {
  /** A line of the original's for an op that makes no layer. */
  readonly note: (text: string, build: readonly string[]) => void;
  from(step: FromStep): Promise<Base>;
  /** Begins the steps of a stage; undefined where none is run, or each by itself. */
  session(): StepSession | undefined;
  step(step: GuestStep, position: StepPosition): Promise<void>;
}

export interface WalkOptions {
  readonly store: Store;
  /** The visitor of the steps of a scope. */
  readonly visitor: (scope: BuildScope) => StepVisitor;
  readonly scope: BuildScope;
  /** The ids of steps that are run anew. */
  readonly renewed: RenewedSteps;
}

/**
 * Goes through a spec in build order, nested builds first, and hands each step over with its id. Build and plan share
 * it, so that their ids are the same.
 *
 * @returns the last layer.
 */
export async function walkSpec(spec: Spec, context: Context, options: WalkOptions): Promise<FinishedBuild> {
  // Leaves the caller's stack, so that nesting may have any depth.
  await Promise.resolve();
  let current = context;
  for (const nested of spec.builds) current = await forkBuild(nested, current, options);
  throwIfCancelled(options.scope.signal);
  const visitor = options.visitor(options.scope);
  const from = await prepareFrom(spec, current, options.store);
  const image = await visitor.from(from);
  current = { ...current, environment: [...current.environment, ...image.environment] };
  await using session = visitor.session();
  const again: MakeAgain = async (scope) => void (await options.visitor(scope).from(from));
  // A layer with a tag is used as it is: only its own build could make it again.
  const base = { id: from.info.id, makeAgain: from.image.base === undefined ? again : undefined };
  const stage = { image, session, base };
  return { ...(await walkOps(spec.ops, current, { ...options, visit: visitor, stage })), image };
}

/** Begins a nested build. @returns the context of what comes after it. */
async function forkBuild(
  { name, spec }: Spec["builds"][number],
  context: Context,
  options: WalkOptions,
): Promise<Context> {
  const inner = nestedContext(context, name);
  const { finished } = await options.scope.fork(async (scope) => {
    const { note } = options.visitor(scope);
    note(buildHeading(name), inner.build);
    const build = await walkSpec(spec, inner, { ...options, scope });
    note(buildFinished(name), inner.build);
    return build;
  });
  return withBuild(context, name, finished);
}

interface StageOptions extends WalkOptions {
  /** The visitor of this scope. */
  readonly visit: StepVisitor;
  readonly stage: {
    readonly image: GuestImage;
    readonly session: StepSession | undefined;
    /** The base layer. */
    readonly base: NeededLayer;
  };
}

/** @returns the last layer of the stage. */
async function walkOps(
  ops: readonly Op[],
  context: Context,
  { visitor, visit, scope, stage, renewed }: StageOptions,
): Promise<NeededLayer> {
  const { image, session } = stage;
  let [current, base] = [context, stage.base];
  let previous: StepInfo | undefined;
  const lastStep = ops.findLastIndex(({ op }) => op === "run" || op === "copy");
  for (const [index, op] of ops.entries()) {
    throwIfCancelled(scope.signal);
    if (op.op !== "run" && op.op !== "copy") {
      visit.note(opHeading(current.workdir, op), current.build);
      current = afterOp(op, current);
      continue;
    }
    const prepared = await prepareStep(op, { context: current, base: base.id }, scope).catch(
      (error: unknown) => {
        // The step has no id to be announced with, and its line says where the build has stopped.
        visit.note(opHeading(current.workdir, op), current.build);
        throw atPlace(error, placeOf(current.source, op));
      },
    );
    const step = await renewed.apply(prepared, current.build);
    const isLast = index === lastStep && current.build.length === 0;
    const position = { image, isLast, previous, makeBase: base.makeAgain };
    await visit.step(step, { ...position, session, keepVm: index < lastStep });
    renewed.finished(prepared.info.id, step);
    base = { id: step.info.id, makeAgain: async (later) => await visitor(later).step(step, position) };
    previous = step.info;
  }
  return base;
}

function afterOp(op: Exclude<Op, RunOp | CopyOp>, context: Context): Context {
  switch (op.op) {
    // `expandRequest` has left no arg.
    case "arg":
    case "comment":
      return context;
    case "workdir":
      return { ...context, workdir: resolveGuestPath(context.workdir, op.directory) };
    case "shell":
      return { ...context, shell: op.arguments };
    case "user":
      return { ...context, user: guestUser(op) };
    case "env":
      return withVariable(context, op.key, op.value);
  }
}
