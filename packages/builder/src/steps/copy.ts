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
import { opHeading } from "../op-label.ts";
import { generateManifest, type Manifest } from "../source/manifest.ts";
import type { LayerJob } from "../sharing/single-flight.ts";
import { copyStepId } from "./step-id.ts";
import { sourceArchive, type Transfer } from "../archive/source-archive.ts";
import type { StepDeps } from "./run.ts";

/** `(copy ...)`: files of the source directory make a layer. */
export interface CopyStep {
  readonly info: StepInfo & { readonly op: "copy" };
  readonly base: LayerId;
  readonly transfer: Transfer;
  /** Where the digests may have come from. */
  readonly digests: DigestCache;
}

/**
 * Reads all that is to be copied, since its digests go into the id.
 *
 * @throws ObError `BAD_SOURCE`, `BAD_SPEC` if there is nothing to copy or several things go to one name, `CANCELLED`.
 */
export async function prepareCopy(
  op: CopyOp,
  context: Context,
  { base, signal }: { readonly base: LayerId; readonly signal: AbortSignal | undefined },
): Promise<CopyStep> {
  const { workdir, user, build, sourceDirectory, digests: memory, own } = context;
  const destination = resolveInGuest(workdir, op.destination);
  const manifests: Manifest[] = [];
  for (const source of op.sources) {
    const options = { sourceDirectory, exclude: op.exclude, own, memory, signal };
    manifests.push(await generateManifest(source, options));
  }
  checkDestination(op, destination);
  const id = copyStepId({ base, user, manifests, destination });
  return {
    base,
    info: { op: "copy", id, base, heading: opHeading(workdir, op), build },
    transfer: { sourceDirectory, manifests, destination, user },
    digests: memory,
  };
}

/** Unpacks the files on a new disk and commits it. */
export async function copyIntoGuest(step: CopyStep, making: LayerJob, tools: StepDeps): Promise<void> {
  const { writer: claim, signal, onOutput } = making;
  const { sandbox, session: sequence = sandbox, image, keepVm: followed, emit } = tools;
  const disk = await claim.createDisk(step.base, signal);
  const destination = sandbox.guest(image).copyTarget(step.transfer.destination);
  const transfer = { ...step.transfer, destination };
  // The sandbox knows only that the archive broke off; the reason is ours.
  let failure: ObError | undefined;
  const open = (options: OpenArchiveOptions) =>
    sourceArchive(transfer, options).on("error", (error) => {
      if (isObError(error)) failure = error;
      // A file is not what it was when it was read, or said to have been: the next build reads them all.
      step.digests.clear();
    });
  try {
    throwIfCancelled(signal);
    const task = { kind: "copy", user: transfer.user, openArchive: open } as const;
    await sequence.run({ layer: claim.id, disk, image, task, keepVm: followed }, { signal, emit, onOutput });
  } catch (error) {
    throw failure ?? error;
  }
  if (failure) throw failure;
  await claim.commit();
}

/** @throws ObError `BAD_SPEC` if there is nothing to copy or several things go to one name. */
export function checkDestination(op: CopyOp, destination: string): void {
  if (op.sources.length === 0) {
    throw new ObError("BAD_SPEC", "This copy has no source: there is nothing to copy.", {
      hint: "Name what to copy, for example `(src .)` for the whole source directory.",
    });
  }
  if (op.sources.length === 1 || destination.endsWith("/")) return;
  throw new ObError(
    "BAD_SPEC",
    `${op.sources.length} sources cannot all become ${JSON.stringify(op.destination)}.`,
    {
      hint: `Where several are copied, the destination is a directory and ends with a slash: ${JSON.stringify(`${op.destination}/`)}.`,
    },
  );
}
