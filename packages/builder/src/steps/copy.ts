import {
  isObError,
  type LayerId,
  ObError,
  type OpenArchiveOptions,
  type StepInfo,
  throwIfCancelled,
} from "@ob/core";
import type { CopyOp } from "@ob/spec";
import { type Context, resolveInGuest } from "../context.ts";
import type { DigestCache } from "../source/digest-cache.ts";
import { runInSandbox } from "../limits/run-in-sandbox.ts";
import { opHeading } from "../op-label.ts";
import { generateManifest, type Manifest, type ManifestOptions } from "../source/manifest.ts";
import type { LayerBuild, LayerJob } from "../sharing/single-flight.ts";
import { copyStepId } from "./step-id.ts";
import { sourceArchive, type Transfer } from "../archive/source-archive.ts";
import { createDiskOn } from "./lost-layers.ts";
import type { StepDeps } from "./step-deps.ts";

/** `(copy ...)`: files of the source directory make a layer. */
export interface CopyStep {
  readonly kind: "copy";
  readonly info: StepInfo & { readonly op: "copy" };
  readonly base: LayerId;
  readonly transfer: Transfer;
  /** The cache that the digests may come from. */
  readonly digests: DigestCache;
}

/**
 * Reads all that is copied, since its digests are part of the id.
 *
 * @throws ObError `BAD_SOURCE`, `BAD_SPEC` if there is no source or several have one name to go to, `CANCELLED`.
 */
export async function prepareCopy(
  op: CopyOp,
  context: Context,
  { base, signal }: { readonly base: LayerId; readonly signal: AbortSignal | undefined },
): Promise<CopyStep> {
  const { workdir, user, build, sourceDirectory, digests, own, ignore } = context;
  const destination = resolveInGuest(workdir, op.destination);
  const manifests: Manifest[] = [];
  for (const source of op.sources) {
    const options = {
      ...{ sourceDirectory, exclude: op.exclude, own, ignore, digests, signal },
    } satisfies ManifestOptions;
    manifests.push(await generateManifest(source, options));
  }
  checkDestination(op, destination);
  const id = copyStepId({ base, user, manifests, destination });
  return {
    kind: "copy",
    base,
    info: { op: "copy", id, base, heading: opHeading(workdir, op), build, at: context.source?.locate(op) },
    transfer: { sourceDirectory, manifests, destination, user },
    digests,
  };
}

/** The layer of a `copy`: the files are unpacked on a new disk, which is committed. */
export function copyLayer(step: CopyStep, deps: StepDeps): LayerBuild {
  return { id: step.info.id, emit: deps.emit, build: (job) => copyIntoGuest(step, job, deps) };
}

async function copyIntoGuest(
  step: CopyStep,
  { writer, signal, onOutput }: LayerJob,
  deps: StepDeps,
): Promise<void> {
  const { sandbox, image, keepVm, isLast } = deps;
  const disk = await createDiskOn(step.base, { writer, signal }, deps);
  const destination = sandbox.guest(image).copyTarget(step.transfer.destination);
  const transfer = { ...step.transfer, destination };
  // The sandbox only sees that the archive ended early; the reason is in the archive's own error.
  let failure: ObError | undefined;
  const openArchive = (options: OpenArchiveOptions) =>
    sourceArchive(transfer, options).on("error", (error) => {
      if (isObError(error)) failure = error;
      // A file is not what its cached digest says: the next build reads all files.
      step.digests.clear();
    });
  try {
    throwIfCancelled(signal);
    const task = { kind: "copy", user: transfer.user, openArchive } as const;
    const target = { layer: writer.id, base: step.base, disk, image, task, keepVm, isLast };
    await runInSandbox(target, { signal, onOutput }, deps);
  } catch (error) {
    throw failure ?? error;
  }
  if (failure) throw failure;
  const { user = null, manifests } = step.transfer;
  const sources = manifests.map(({ kind, path }) => ({ kind, path }));
  const inputs = { user, destination: step.transfer.destination, sources };
  await writer.commit({ op: "copy", heading: step.info.heading, inputs });
}

/** @throws ObError `BAD_SPEC` if there is no source or several have one name to go to. */
export function checkDestination(op: CopyOp, destination: string): void {
  if (op.sources.length === 0) {
    throw new ObError("BAD_SPEC", "This copy has no source.", {
      hint: "Give what to copy, for example `(src .)` for the whole source directory.",
    });
  }
  if (op.sources.length === 1 || destination.endsWith("/")) return;
  throw new ObError(
    "BAD_SPEC",
    `${op.sources.length} sources cannot all become ${JSON.stringify(op.destination)}.`,
    {
      hint: `The destination of several sources is a directory and ends with a slash: ${JSON.stringify(`${op.destination}/`)}.`,
    },
  );
}
