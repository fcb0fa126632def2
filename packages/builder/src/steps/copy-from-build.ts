import { posix } from "node:path";
import {
  cancelled,
  type Emit,
  type GuestUser,
  isObError,
  type LayerId,
  ObError,
  type OpenArchiveOptions,
  type StepInfo,
  type Store,
  throwIfCancelled,
} from "@ob/core";
import type { CopyOp } from "@ob/spec";
import { type Context, type FinishedBuild, resolveInGuest } from "../context.ts";
import { opHeading } from "../op-label.ts";
import { layerArchive, type LayerItem } from "../archive/layer-archive.ts";
import { openLayer } from "../open-layer.ts";
import { entryPath } from "../archive/tar-writer.ts";
import type { LayerJob } from "../sharing/single-flight.ts";
import { copyFromStepId } from "./step-id.ts";
import { checkDestination } from "./copy.ts";
import type { StepDeps } from "./run.ts";

/** `(copy (from (build NAME)) ...)`: files of another build make a layer. */
export interface CopyFromStep {
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

/** Finds what can be found before anything is built. @throws ObError `BAD_SOURCE` for a path with `..`. */
export function checkCopyFrom(op: CopyOp): void {
  if (op.from.kind !== "build") return;
  for (const source of op.sources) checkSourcePath(source);
}

/**
 * Reads nothing: the id follows from that of the layer that is copied from.
 *
 * @throws ObError `BAD_SOURCE`, and as `prepareCopy`.
 */
export function prepareCopyFrom(op: CopyOp, from: CopySource, { context, base }: CopyPlace): CopyFromStep {
  const { workdir, user, build } = context;
  const { name, build: source } = from;
  const destination = resolveInGuest(workdir, op.destination);
  const paths = op.sources.map(checkSourcePath);
  checkDestination(op, destination);
  const exclude = [...new Set(op.exclude)].toSorted();
  const id = copyFromStepId({ base, user, source: source.id, paths, destination, exclude });
  return {
    base,
    name,
    source,
    info: { op: "copy", id, base, heading: opHeading(workdir, op), build },
    paths,
    destination,
    exclude,
    user,
  };
}

/** The build that a `copy` takes from. */
export interface CopySource {
  readonly name: string;
  readonly build: FinishedBuild;
}

/** What is read in the one guest, and where it comes to lie in the other. */
function archiveItems(step: CopyFromStep, { sandbox, image }: StepDeps): readonly LayerItem[] {
  const { source } = step;
  const destination = sandbox.guest(image).copyTarget(step.destination);
  const sourceGuest = sandbox.guest(source.image);
  return step.paths.map((each) => {
    const path = sourceGuest.copySource(each);
    const baseName = posix.basename(path);
    return { path, place: (isDirectory: boolean) => entryPath({ isDirectory, baseName }, destination) };
  });
}

/** Where a `copy` stands. */
export interface CopyPlace {
  readonly context: Context;
  readonly base: LayerId;
}

/**
 * A path in the guest that is copied from, absolute and without needless parts. One that ends in `/` is a directory,
 * through a link if need be.
 *
 * @throws ObError `BAD_SOURCE` for `..`.
 */
export function checkSourcePath(source: string): string {
  const parts = source.split("/");
  if (parts.includes("..")) {
    throw new ObError("BAD_SOURCE", `${JSON.stringify(source)} may not have "..".`, {
      hint: "A path in a layer counts from its root.",
    });
  }
  const kept = parts.filter((part) => part !== "" && part !== ".");
  const last = parts.at(-1);
  const slash = kept.length > 0 && (last === "" || last === ".") ? "/" : "";
  return `/${kept.join("/")}${slash}`;
}

/** Reads in one guest and unpacks in another, both at a time, and commits the second one's disk. */
export async function copyBetweenGuests(
  step: CopyFromStep,
  making: LayerJob,
  tools: StepDeps & { readonly store: Store },
): Promise<void> {
  const { writer: claim, onOutput } = making;
  const { sandbox, session: sequence = sandbox, store, image, keepVm: followed } = tools;
  const disk = await claim.createDisk(step.base, making.signal);
  throwIfCancelled(making.signal);
  const { source, exclude, user } = step;
  const items = archiveItems(step, tools);
  const over = new AbortController();
  const signal = AbortSignal.any([making.signal, over.signal]);
  // The first of the two that fails: the other one only ends because of it.
  let failure: unknown;
  const fail = (error: unknown) => {
    if (making.signal.aborted || over.signal.aborted) return;
    failure = explained(step, error);
    over.abort(failure);
  };
  const emit = withoutPhases(tools.emit);
  const visiting = openLayer(source.id, { store, sandbox }, { image: source.image, signal, emit });
  visiting.catch(fail);
  try {
    const openArchive = (options: OpenArchiveOptions) => {
      const owner = { kind: "new", ...options } as const;
      return layerArchive(async () => await visiting, { items, exclude, owner, signal, emit }).on(
        "error",
        fail,
      );
    };
    const task = { kind: "copy", user, openArchive } as const;
    await sequence.run(
      { layer: claim.id, disk, image, task, keepVm: followed },
      { signal, emit: tools.emit, onOutput },
    );
  } catch (error) {
    throw failure ?? error;
  } finally {
    over.abort(cancelled());
    await visiting.then(
      async (visit) => await visit[Symbol.asyncDispose](),
      () => undefined,
    );
  }
  if (failure !== undefined) throw failure;
  await claim.commit();
}

function explained({ name }: CopyFromStep, error: unknown): unknown {
  if (!isObError(error, "BAD_SOURCE")) return error;
  return new ObError("BAD_SOURCE", `Cannot copy from the build ${JSON.stringify(name)}. ${error.message}`, {
    cause: error,
    hint: error.hint ?? "`src` names files and directories of the build, from its root.",
  });
}

/** Those who watch see the phases of the guest that the layer is made in. */
function withoutPhases(emit: Emit): Emit {
  return (event) => {
    if (event.type !== "phase") emit(event);
  };
}
