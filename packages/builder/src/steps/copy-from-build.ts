import { posix } from "node:path";
import {
  cancelledError,
  type Emit,
  type GuestUser,
  isObError,
  type LayerId,
  ObError,
  type OpenArchiveOptions,
  type StepInfo,
  throwIfCancelled,
} from "@ob/core";
import type { CopyOp } from "@ob/spec";
import { type Context, type FinishedBuild, resolveInGuest } from "../context.ts";
import { runInSandbox } from "../limits/run-in-sandbox.ts";
import { opHeading } from "../op-label.ts";
import { layerArchive, type LayerItem } from "../archive/layer-archive.ts";
import { openLayer } from "../open-layer.ts";
import { entryBounds, entryPath } from "../archive/tar-writer.ts";
import type { LayerBuild, LayerJob } from "../sharing/single-flight.ts";
import { copyFromStepId } from "./step-id.ts";
import { checkDestination } from "./copy.ts";
import { createDiskOn, withLayer } from "./lost-layers.ts";
import type { StepDeps } from "./step-deps.ts";

/** `(copy (from (build NAME)) ...)`: files of another build make a layer. */
export interface CopyFromStep {
  readonly kind: "copy-from";
  readonly info: StepInfo & { readonly op: "copy" };
  readonly base: LayerId;
  /** The name of the build that is copied from. */
  readonly name: string;
  readonly source: FinishedBuild;
  /** Absolute, in the guest that is read. */
  readonly paths: readonly string[];
  /** As in the id; see `CopyInputs`. */
  readonly destination: string;
  readonly exclude: readonly string[];
  readonly user: GuestUser | undefined;
}

/** Checks what can be checked before anything is built. @throws ObError `BAD_SOURCE` for a path with `..`. */
export function checkCopyFrom(op: CopyOp): void {
  if (op.from.kind !== "build") return;
  for (const source of op.sources) checkSourcePath(source);
}

/**
 * Reads nothing: the id is computed from that of the layer that is copied from.
 *
 * @throws ObError `BAD_SOURCE`, and as `prepareCopy`.
 */
export function prepareCopyFrom(
  op: CopyOp,
  from: CopySource,
  { context, base }: PrepareOptions,
): CopyFromStep {
  const { workdir, user, build } = context;
  const { name, build: source } = from;
  const destination = resolveInGuest(workdir, op.destination);
  const paths = op.sources.map(checkSourcePath);
  checkDestination(op, destination);
  const exclude = [...new Set(op.exclude)].toSorted();
  const id = copyFromStepId({ base, user, source: source.id, paths, destination, exclude });
  return {
    kind: "copy-from",
    base,
    name,
    source,
    info: { op: "copy", id, base, heading: opHeading(workdir, op), build, at: context.source?.locate(op) },
    paths,
    destination,
    exclude,
    user,
  };
}

/** The build that is copied from. */
export interface CopySource {
  readonly name: string;
  readonly build: FinishedBuild;
}

/** The paths in the guest that is read, and those in the other. */
function archiveItems(step: CopyFromStep, { sandbox, image }: StepDeps): readonly LayerItem[] {
  const { source } = step;
  const destination = sandbox.guest(image).copyTarget(step.destination);
  const sourceGuest = sandbox.guest(source.image);
  return step.paths.map((each) => {
    const path = sourceGuest.copySource(each);
    const baseName = posix.basename(path);
    return {
      path,
      archivePath: (isDirectory: boolean) => entryPath({ isDirectory, baseName }, destination),
      bounds: entryBounds(destination),
    };
  });
}

/** What a step follows from. */
export interface PrepareOptions {
  readonly context: Context;
  /** The layer before it. */
  readonly base: LayerId;
}

/**
 * Normalises a path in the guest that is copied from: absolute, without empty parts and `.`. One that ends in `/` is a
 * directory, or a link to one.
 *
 * @throws ObError `BAD_SOURCE` for `..`.
 */
export function checkSourcePath(source: string): string {
  const parts = source.split("/");
  if (parts.includes("..")) {
    throw new ObError("BAD_SOURCE", `${JSON.stringify(source)} may not contain "..".`, {
      hint: "Paths in a layer start at its root.",
    });
  }
  const kept = parts.filter((part) => part !== "" && part !== ".");
  const last = parts.at(-1);
  const slash = kept.length > 0 && (last === "" || last === ".") ? "/" : "";
  return `/${kept.join("/")}${slash}`;
}

/** The layer of a copy from another build: one guest reads while another unpacks, whose disk is committed. */
export function copyFromLayer(step: CopyFromStep, deps: StepDeps): LayerBuild {
  return { id: step.info.id, emit: deps.emit, build: (job) => copyBetweenGuests(step, job, deps) };
}

async function copyBetweenGuests(step: CopyFromStep, job: LayerJob, deps: StepDeps): Promise<void> {
  const { writer, onOutput } = job;
  const { sandbox, store, image, keepVm, isLast } = deps;
  const disk = await createDiskOn(step.base, job, deps);
  throwIfCancelled(job.signal);
  const { source, exclude, user } = step;
  const items = archiveItems(step, deps);
  const over = new AbortController();
  const signal = AbortSignal.any([job.signal, over.signal]);
  // Of the two guests, what fails first is the cause; the other one only ends because of it.
  let failure: unknown;
  const fail = (error: unknown) => {
    if (job.signal.aborted || over.signal.aborted) return;
    failure = explained(step, error);
    over.abort(failure);
  };
  const emit = withoutPhases(deps.emit);
  const opening = withLayer(source, { ...deps, signal }, () =>
    openLayer(source.id, { store, sandbox }, { image: source.image, signal, emit }),
  );
  opening.catch(fail);
  try {
    const openArchive = (options: OpenArchiveOptions) => {
      const owner = { kind: "new", ...options } as const;
      const archive = layerArchive(async () => await opening, { items, exclude, owner, signal, emit });
      return archive.on("error", fail);
    };
    const task = { kind: "copy", user, openArchive } as const;
    const target = { layer: writer.id, base: step.base, disk, image, task, keepVm, isLast };
    await runInSandbox(target, { signal, onOutput }, deps);
  } catch (error) {
    throw failure ?? error;
  } finally {
    over.abort(cancelledError());
    await opening.then(
      async (guest) => await guest[Symbol.asyncDispose](),
      () => undefined,
    );
  }
  if (failure !== undefined) throw failure;
  const { info, paths, destination } = step;
  const inputs = { user: user ?? null, destination, from: source.id, paths, exclude };
  await writer.commit({ op: "copy", heading: info.heading, inputs });
}

function explained({ name }: CopyFromStep, error: unknown): unknown {
  if (!isObError(error, "BAD_SOURCE")) return error;
  return new ObError("BAD_SOURCE", `Cannot copy from the build ${JSON.stringify(name)}. ${error.message}`, {
    cause: error,
    hint: error.hint ?? "`src` names files and directories of the build, from its root.",
  });
}

/** The phases that are shown are those of the guest that the layer is built in. */
function withoutPhases(emit: Emit): Emit {
  return (event) => {
    if (event.type !== "phase" && event.type !== "vm-started" && event.type !== "vm-not-kept") emit(event);
  };
}
