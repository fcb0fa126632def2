import type { SandboxStep } from "@ob/core";
import { type GuestConnection, runGuestCommand } from "../guest/guest-command.ts";
import type { Baseline, GuestProfile, VmReuse } from "../guest/profile.ts";
import type { SandboxOptions } from "../lifecycle/options.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import type { CacheDisk } from "../guest/cache-disk.ts";
import { canExchangeCaches } from "./reused-caches.ts";

/** Whether a step's VM is kept for the next step. */
export type ReuseDecision =
  | KeepVm
  /** Without a reason if the step did not ask to keep it. */
  | ({ readonly kind: "stop" } & Partial<Refusal>);

/** Why a VM is not kept. */
export interface Refusal {
  readonly reason: string | undefined;
  /** The same without words of the guest, if there are any in it. */
  readonly ownReason?: string | undefined;
}

export interface KeepVm {
  readonly kind: "keep";
  readonly vmReuse: VmReuse;
  readonly baseline: Baseline;
}

export interface DecideOptions {
  readonly step: SandboxStep;
  readonly connection: GuestConnection;
  readonly caches: readonly CacheDisk[];
  /** Of a VM that was reused for this step. */
  readonly baseline: Baseline | undefined;
  /** See `SandboxOptions.vmReuse`. By default `auto`. */
  readonly vmReuse?: SandboxOptions["vmReuse"];
}

/**
 * Decides, before anything of the step runs, whether the VM can be reused for the next step. Captures the baseline of a VM
 * that was booted for this step.
 *
 * @throws ObError as `runGuestCommand`.
 */
export async function decideReuse(
  running: GuestSession,
  { step, connection, caches, baseline, vmReuse: choice }: DecideOptions,
): Promise<ReuseDecision> {
  if (step.keepVm !== true) return { kind: "stop", reason: undefined };
  const { vmReuse } = running.profile;
  const refusal = whyNotKept(step);
  if (refusal !== undefined) return { kind: "stop", reason: refusal };
  if (!canExchangeCaches(running, caches)) return { kind: "stop", reason: "machine cannot hot-unplug disks" };
  if (vmReuse && baseline !== undefined) return { kind: "keep", vmReuse, baseline };
  return await captureBaseline(running, { connection, caches, vmReuse: choice });
}

/**
 * The baseline of a VM that was just booted or resumed; that of a snapshot is captured once and kept beside it.
 *
 * @throws ObError as `runGuestCommand`.
 */
export async function captureBaseline(
  { vm, profile, shell, bootInfo, baselineFile, startedAt }: GuestSession,
  { connection, caches, vmReuse: choice = "auto" }: Pick<DecideOptions, "connection" | "caches" | "vmReuse">,
): Promise<ReuseDecision> {
  const { vmReuse } = profile;
  if (!vmReuse) return { kind: "stop", reason: "not supported by the guest OS" };
  if (vmReuse.onRequest === true && choice !== "always") {
    return { kind: "stop", reason: "the guest OS is reused only on request" };
  }
  if (hasLostShell(profile, shell)) return { kind: "stop", reason: "no persistent root shell" };
  if ((vm.config.hardware.diskBus ?? "virtio") !== "virtio")
    return { kind: "stop", reason: "root disk is not virtio" };
  const stored = await baselineFile?.read();
  const known = stored === undefined ? undefined : vmReuse.parseBaseline(stored);
  const current = known?.kind === "baseline" ? await upToDate(known.baseline, connection) : undefined;
  if (current) return { kind: "keep", vmReuse, baseline: current.withClock(bootInfo) };
  const output = await runGuestCommand(vmReuse.captureBaseline(bootInfo), connection);
  const captured = vmReuse.parseBaseline(output);
  if (captured.kind === "refused") {
    return { kind: "stop", reason: captured.reason, ownReason: "the state of the guest cannot be compared" };
  }
  const { baseline } = captured;
  // Caches, and files made since the snapshot was taken, are not part of other VMs resumed from it. Those of a login are listed anew.
  const isSpecific = caches.length > 0 || (!baseline.afterLogin && baseline.hasFilesNewerThan(startedAt));
  if (!isSpecific) await baselineFile?.write(output);
  return { kind: "keep", vmReuse, baseline };
}

/** The baseline of another VM of the same snapshot, for this one; undefined if that is not possible. */
async function upToDate(baseline: Baseline, connection: GuestConnection): Promise<Baseline | undefined> {
  const { afterLogin } = baseline;
  if (!afterLogin) return baseline;
  return afterLogin.apply(await runGuestCommand(afterLogin.command, connection));
}

/** The network of a step's VM. A copy needs none. */
export function networkOf({ task }: SandboxStep): "none" | "host" {
  return task.kind === "run" ? task.network : "none";
}

/** Whether the guest of a step may restart: such a VM is booted for the step, and serves no other. */
export function mayRestart({ task }: Pick<SandboxStep, "task">): boolean {
  return task.kind === "run" && task.mayRestart === true;
}

/**
 * Why the VM of a step is not reused by the next one, whatever the guest reports; undefined if it may be. A step that is
 * root can hide what it leaves behind: the secrets of a step may still be in memory, and a network may still be up.
 */
export function whyNotKept({ task }: SandboxStep): string | undefined {
  if (task.kind !== "run") return undefined;
  if (task.secrets.length > 0) return "the step had secrets";
  if (task.network !== "none") return "the step had a network";
  if (task.mayRestart === true) return "the step may restart its guest";
  return undefined;
}

/** True if a persistent root shell that guests of this OS have has ended. */
export function hasLostShell({ rootShell }: GuestProfile, shell: GuestSession["shell"]): boolean {
  return rootShell !== undefined && shell?.isOpen !== true;
}
