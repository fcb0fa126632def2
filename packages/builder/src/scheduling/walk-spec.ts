import { type GuestImage, ObError, type StepSequence, type Store, throwIfCancelled } from "@ob/core";
import type { CopyOp, Op, RunOp, Spec } from "@ob/spec";
import type { BuildScope } from "./scheduler.ts";
import {
  type Context,
  type FinishedBuild,
  nestedContext,
  resolveGuestPath,
  withBuild,
  withVariable,
} from "../context.ts";
import { buildFinished, buildHeading, opHeading } from "../op-label.ts";
import { type CopyStep, prepareCopy } from "../steps/copy.ts";
import {
  type CopyFromStep,
  type CopyPlace,
  type CopySource,
  prepareCopyFrom,
} from "../steps/copy-from-build.ts";
import { type Base, type FromStep, prepareFrom } from "../steps/from.ts";
import { prepareRun, type RunStep } from "../steps/run.ts";

/** What is done with the steps: a build makes their layers, a plan only looks for them. */
export interface StepVisitor {
  /** A line of the original's for what makes no layer. */
  readonly note: (text: string, build: readonly string[]) => void;
  from(step: FromStep): Promise<Base>;
  /** Begins the steps of one spec; undefined where nothing is run, or each step by itself. */
  session(): StepSequence | undefined;
  run(step: RunStep, place: StepPosition): Promise<void>;
  copy(step: CopyStep, place: StepPosition): Promise<void>;
  copyFrom(step: CopyFromStep, place: StepPosition): Promise<void>;
}

/** Where in a spec a step stands. */
export interface StepPosition {
  readonly image: GuestImage;
  /** Of the spec's steps. */
  readonly session: StepSequence | undefined;
  /** True if another step comes after it in the spec. */
  readonly keepVm: boolean;
}

export interface StepOptions {
  readonly store: Store;
  /** The visitor of a chain's steps. */
  readonly visitor: (chain: BuildScope) => StepVisitor;
  readonly chain: BuildScope;
}

/**
 * Goes through a spec in build order, nested builds first, and hands each step over with its id. Build and plan both
 * come through here, so that their ids are the same.
 *
 * @returns the last layer.
 */
export async function walkSpec(spec: Spec, context: Context, options: StepOptions): Promise<FinishedBuild> {
  const { store, chain } = options;
  const visitor = options.visitor(chain);
  const { signal } = chain;
  // Leaves the caller's stack, so that nesting may have any depth.
  await Promise.resolve();
  let current = context;
  for (const { name, spec: nested } of spec.builds) {
    const inner = nestedContext(current, name);
    const { finished } = await chain.fork(async (branch) => {
      const { note } = options.visitor(branch);
      note(buildHeading(name), inner.build);
      const build = await walkSpec(nested, inner, { ...options, chain: branch });
      note(buildFinished(name), inner.build);
      return build;
    });
    current = withBuild(current, name, finished);
  }
  throwIfCancelled(signal);
  const from = await prepareFrom(spec.from, current, store);
  const image = await visitor.from(from);
  current = { ...current, environment: [...current.environment, ...image.environment] };
  let base = from.info.id;
  await using session = visitor.session();
  const lastStep = spec.ops.findLastIndex(({ op }) => op === "run" || op === "copy");
  for (const [index, op] of spec.ops.entries()) {
    const place = { image, session, keepVm: index < lastStep };
    throwIfCancelled(signal);
    switch (op.op) {
      case "run": {
        const step = prepareRun(op, current, base);
        await visitor.run(step, place);
        base = step.info.id;
        break;
      }
      case "copy": {
        const step = await prepareEither(op, { context: current, base }, chain).catch((error: unknown) => {
          // The step has no id to be announced with, and its line says where the build has stopped.
          visitor.note(opHeading(current.workdir, op), current.build);
          throw error;
        });
        if ("source" in step) await visitor.copyFrom(step, place);
        else await visitor.copy(step, place);
        base = step.info.id;
        break;
      }
      case "comment":
      case "workdir":
      case "shell":
      case "user":
      case "env":
        visitor.note(opHeading(current.workdir, op), current.build);
        current = afterOp(op, current);
        break;
    }
  }
  return { id: base, image };
}

async function prepareEither(
  op: CopyOp,
  place: CopyPlace,
  chain: BuildScope,
): Promise<CopyStep | CopyFromStep> {
  const { context, base } = place;
  switch (op.from.kind) {
    case "context":
      return await prepareCopy(op, context, { base, signal: chain.signal });
    case "build":
      return prepareCopyFrom(op, await sourceOf(op.from.name, { context, chain }), place);
  }
}

async function sourceOf(
  name: string,
  { context, chain }: { readonly context: Context; readonly chain: BuildScope },
): Promise<CopySource> {
  const building = context.scope.get(name);
  if (building) return { name, build: await chain.join(building) };
  throw new ObError("BAD_SPEC", `There is no build ${JSON.stringify(name)} to copy from.`, {
    hint: "Only a build that stands before this one, or before a build around it, can be copied from.",
  });
}

function afterOp(op: Exclude<Op, RunOp | CopyOp>, context: Context): Context {
  switch (op.op) {
    case "comment":
      return context;
    case "workdir":
      return { ...context, workdir: resolveGuestPath(context.workdir, op.directory) };
    case "shell":
      return { ...context, shell: op.arguments };
    case "user":
      return { ...context, user: op.user };
    case "env":
      return withVariable(context, op.key, op.value);
  }
}
