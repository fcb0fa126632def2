import { readFile, writeFile } from "node:fs/promises";
import {
  abortReason,
  type Emit,
  errorMessage,
  fileIdentity,
  type GuestImage,
  type LayerId,
  ObError,
  run,
  type SandboxStep,
} from "@ob/core";
import { withVmErrors } from "@ob/qemu";
import type { GuestConnection } from "../guest/guest-command.ts";
import { guestProfile, resolveGuest } from "../guest/resolve-guest.ts";
import { flush } from "../lifecycle/shutdown.ts";
import { type GuestSession, startGuest } from "../lifecycle/start-guest.ts";
import { readDiskHeader } from "../snapshot/disk-header.ts";
import {
  pauseForNextStep,
  type PausedVm,
  type ReuseOptions,
  type ReuseResult,
  tryReuseVm,
} from "./paused-vm.ts";
import type { StepResources } from "./step-plan.ts";
import { captureBaseline, mayRestart, networkOf } from "./vm-reuse.ts";

/** What a step starts from: any two steps of which this is the same can start in the same VM. */
export interface StartingPoint {
  readonly image: GuestImage;
  /** A base layer. */
  readonly base: LayerId;
  readonly network: "none" | "host";
  /** The layer's disk, which tells it from another of the same id. */
  readonly layer: { readonly path: string; readonly id: string };
  /** The layer's disk as the header of the step's disk names it. */
  readonly backing: string;
  /** Of the step's disk, in bytes. */
  readonly virtualSize: number;
}

/** Two starting points are the same if these are. */
export function startingPointKey(point: StartingPoint): string {
  return JSON.stringify(point);
}

/**
 * What a step starts from, if VMs can be kept ready for such steps: on a base layer, and with a guest that can be paused. No step
 * has ever run in such a VM.
 */
export async function startingPointOf(
  step: SandboxStep,
  { options }: Pick<StepResources, "options">,
): Promise<StartingPoint | undefined> {
  const { image, base, disk } = step;
  if (base === undefined || mayRestart(step)) return undefined;
  if (!guestProfile(resolveGuest(image, options)).vmReuse) return undefined;
  const header = await readDiskHeader(disk).catch(() => undefined);
  if (header?.fresh !== true || !header.backing) return undefined;
  const { text: backing, path } = header.backing;
  const layer = await readDiskHeader(path).catch(() => undefined);
  if (!layer || layer.backing) return undefined;
  const { virtualSize } = header;
  return { image, base, network: networkOf(step), layer: await fileIdentity(path), backing, virtualSize };
}

export interface WarmStartOptions {
  readonly resources: StepResources;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * Starts a VM, has it write all that a boot writes, and pauses it. Its disk is not kept: what is on it is written to the disk of
 * the step that gets the VM.
 *
 * @throws ObError `UNSUPPORTED` if the VM cannot be paused, and as `Sandbox.openEphemeral`.
 */
export async function startWarmVm(
  point: StartingPoint,
  { resources, signal, emit }: WarmStartOptions,
): Promise<PausedVm> {
  const { options } = resources;
  const guest = resolveGuest(point.image, options);
  if (!options.warmVms) throw new TypeError("no disks are made for VMs that are kept ready");
  await using scratch = await options.warmVms.createDisk(point.base, signal);
  await checkDisk(scratch.disk, { point, signal });
  await using stack = new AsyncDisposableStack();
  const running = stack.use(
    await startGuest({
      ...{ ...resources, options, guest, signal, emit },
      profile: guestProfile(guest),
      rootDisk: scratch.disk,
      caches: [],
      network: point.network,
    }),
  );
  const paused = await withVmErrors(running.vm, signal, async () => {
    const target = { disk: scratch.disk, image: point.image };
    return await pause(running, { target, network: point.network });
  });
  const contents = await readFile(scratch.disk);
  const disk = { identity: point.layer.id, virtualSize: point.virtualSize };
  const owned = stack.move();
  return { ...paused, disk, contents, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

/** A disk of a step may be larger than its layer. @throws ObError `UNSUPPORTED` for one that steps do not have. */
async function checkDisk(
  disk: string,
  { point, signal }: { readonly point: StartingPoint; readonly signal: AbortSignal },
): Promise<void> {
  const header = await readDiskHeader(disk);
  const layer = header?.backing && (await fileIdentity(header.backing.path));
  if (!header || header.backing?.text !== point.backing || layer?.id !== point.layer.id) {
    throw new ObError("UNSUPPORTED", "Its disk is on another layer than that of the steps.");
  }
  if (header.virtualSize === point.virtualSize) return;
  await run(["qemu-img", "resize", "-q", "-f", "qcow2", disk, String(point.virtualSize)], { signal });
}

async function pause(
  running: GuestSession,
  {
    target,
    network,
  }: { readonly target: Pick<SandboxStep, "disk" | "image">; readonly network: "none" | "host" },
) {
  const { session, shell, signal, bootInfo } = running;
  const connection: GuestConnection = { session, shell, signal };
  const keep = await captureBaseline(running, { connection, caches: [] });
  if (keep.kind === "stop") throw notPaused(keep.reason);
  const flushed = await flush(keep.baseline.resetAndFlush(bootInfo), connection);
  const result = await pauseForNextStep(running, { step: target, network, keep, flushed, signal });
  if (result.kind === "refused") throw notPaused(result.reason);
  return result.paused;
}

function notPaused(reason: string | undefined): ObError {
  return new ObError("UNSUPPORTED", `The VM cannot be paused: ${reason ?? "unknown reason"}.`);
}

/**
 * Resumes a VM that was kept ready, on the disk of a step. A VM that does not answer any more only means that one must be booted:
 * it has then ended, and the disk is as it was.
 *
 * @throws the signal's reason.
 */
export async function tryWarmVm(warm: PausedVm, options: ReuseOptions): Promise<ReuseResult> {
  const { step, signal } = options;
  const fresh = await readFile(step.disk);
  let reason: string;
  try {
    await writeFile(step.disk, warm.contents ?? fresh);
    const result = await tryReuseVm(warm, options);
    if (result.kind === "reused") return result;
    ({ reason } = result);
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    reason = errorMessage(error);
  }
  await warm[Symbol.asyncDispose]();
  await writeFile(step.disk, fresh);
  return { kind: "must-boot", reason };
}
