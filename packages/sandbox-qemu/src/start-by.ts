import { type Emit, isObError, messageOf, type Phase } from "@ob/core";
import { deadline, reasonOf } from "./abort.ts";
import { blaming } from "./blaming.ts";
import { type BootOptions, bootTimeOver, logIn } from "./boot.ts";
import { diskName } from "./command-line.ts";
import { diskSerial } from "./disk-serial.ts";
import type { Guest } from "./guest-of.ts";
import type { GuestCommand, GuestProfile } from "./guest/profile.ts";
import { attachDisk } from "./hot-plug.ts";
import { identify } from "./identify.ts";
import { perform, type PerformOptions } from "./perform.ts";
import { HeldShell } from "./ssh/held-shell.ts";
import type { SshSession } from "./ssh/session.ts";
import { saveMachine } from "./template/save.ts";
import type { TemplateKey } from "./template/template-key.ts";
import type { TemplateNote } from "./template/template-note.ts";
import type { TemplateStore } from "./template/template-store.ts";
import { letGoOn, waitingInInitrd, wake } from "./template/wake.ts";
import type { Way } from "./template/ways.ts";
import { asBootFailure, Vm } from "./vm.ts";

export interface StartByOptions {
  readonly guest: Guest;
  readonly profile: GuestProfile;
  readonly login: Pick<BootOptions, "listening" | "user" | "keys" | "bootTimeSeconds">;
  readonly templates: TemplateStore | undefined;
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly enter: (phase: Phase) => void;
  /** Owns the machine and the session, whether this succeeds or not. */
  readonly stack: AsyncDisposableStack;
}

export interface Started {
  readonly vm: Vm;
  readonly session: SshSession;
  /** See `GuestProfile.rootShell`. */
  readonly shell: HeldShell | undefined;
  /** See `GuestProfile.ready`. */
  readonly baseline: string;
  /** Where the note of a resumed guest is kept that was ready; others have none. */
  readonly note: TemplateNote | undefined;
  /** Fires when the caller cancels or the guest cannot be used any more, with the reason. */
  readonly signal: AbortSignal;
  /** When its machine was started. */
  readonly startedAt: Date;
}

/**
 * Starts a machine in one of the ways, and logs in.
 *
 * @throws ObError as `Sandbox.visit`, and what else may go wrong with a machine that is resumed.
 */
export async function startBy(way: Way, options: StartByOptions): Promise<Started> {
  const { profile, signal, emit, stateDirectory, enter, stack } = options;
  const { config, later } = way.machine;
  const start = performance.now();
  const startedAt = new Date();
  const saved = way.kind === "resume" ? way.template.saved : undefined;
  const vm = stack.use(await Vm.start(config, { stateDirectory, panic: profile.panic, signal, emit, saved }));
  return await blaming(vm, signal, async () => {
    const living = AbortSignal.any([signal, vm.doomed]);
    const ask = way.kind === "resume" ? await comeBack(vm, way, options) : await comeUp(vm, way, options);
    const [session] = await Promise.all([
      logIn(vm, { ...options.login, bootTimeSeconds: patienceWith(way, options), ask, signal, emit }),
      attachAll(vm, { disks: later, signal: living }),
    ]);
    stack.use(session);
    enter("login");
    await identify({ session, machineId: vm.id, profile, signal: living });
    const resumed = way.kind === "resume" ? profile.resumed?.(new Date()) : undefined;
    const root = await becomeRoot(resumed ?? profile.ready, { profile, session, signal: living });
    const { sameAddresses } = profile;
    if (config.accelerator === "tcg" && config.directBoot === undefined && sameAddresses) {
      await perform(sameAddresses.command, { session, ...root, signal: living });
    }
    const how = way.kind === "resume" ? `resumed (${way.template.key.point})` : "booted";
    const text = `${how}, and let us in, in ${Math.round(performance.now() - start)} ms`;
    emit({ type: "log", level: "debug", text });
    const note = way.kind === "resume" && way.template.key.point === "ready" ? way.template.note : undefined;
    return { vm, session, ...root, note, signal: living, startedAt };
  });
}

/** Where root's shell cannot be held, the command says what is wrong, or does without. */
async function becomeRoot(
  command: GuestCommand,
  { profile, session, signal }: PerformOptions & { readonly profile: GuestProfile },
): Promise<Pick<Started, "shell" | "baseline">> {
  const { rootShell } = profile;
  const shell = rootShell === undefined ? undefined : await HeldShell.open(session, rootShell, signal);
  try {
    return { shell, baseline: await perform(command, { session, shell, signal }) };
  } catch (error) {
    if (shell === undefined || !isObError(error, "GUEST_LOST") || session.lost.aborted) throw error;
    return { shell: undefined, baseline: await perform(command, { session, signal }) };
  }
}

type Ask = BootOptions["ask"];
type Of<Kind extends Way["kind"]> = Extract<Way, { readonly kind: Kind }>;

/** Resolves when the guest runs again. */
async function comeBack(vm: Vm, { template }: Of<"resume">, options: StartByOptions): Promise<Ask> {
  const { guest, profile, signal } = options;
  const { point } = template.key;
  // A guest that tells us is waited for: until then it has the random numbers of all who were resumed before.
  const reseeded = guest.resumes.includes("ready") ? profile.reseeded : undefined;
  await wake(vm, { point, reseeded, signal });
  return point === "ready" ? "now" : "announced";
}

/** Resolves when the guest need not be saved any more. */
async function comeUp(vm: Vm, { waits, saves }: Of<"boot">, options: StartByOptions): Promise<Ask> {
  const { guest, profile, login, signal } = options;
  const { bootTimeSeconds } = login;
  using limit = deadline(bootTimeSeconds * 1000, () =>
    bootTimeOver(vm, { bootTimeSeconds, sawServer: false }),
  );
  const living = AbortSignal.any([signal, vm.doomed, limit.signal]);
  try {
    if (waits) {
      await vm.console.seen(waitingInInitrd, living);
      if (saves.initrd) await save(vm, { key: saves.initrd, disk: undefined }, options);
      letGoOn(vm);
    }
    if (!saves.ready) return guest.announcesReady ? "announced" : "again and again";
    await vm.console.seen(profile.listening, living);
    await save(vm, { key: saves.ready, disk: vm.config.disks[0] }, options);
    return "now";
  } catch (error) {
    throw signal.aborted ? reasonOf(signal) : asBootFailure(error);
  }
}

/** A machine that cannot be saved goes on without. */
async function save(
  vm: Vm,
  { key, disk }: { readonly key: TemplateKey; readonly disk: string | undefined },
  { templates, signal, emit }: StartByOptions,
): Promise<void> {
  const start = performance.now();
  try {
    await templates?.save(key, async (directory) => await saveMachine(vm, { directory, disk, signal }));
    const text = `saved the machine (${key.point}) in ${Math.round(performance.now() - start)} ms`;
    emit({ type: "log", level: "debug", text });
  } catch (error) {
    if (signal.aborted || vm.doomed.aborted || isObError(error, "GUEST_LOST")) throw error;
    emit({ type: "log", level: "debug", text: `the machine could not be saved: ${messageOf(error)}` });
  }
}

/** What came up once does so again, and sooner; one that does not is better booted. In seconds. */
function patienceWith(way: Way, { login: { bootTimeSeconds } }: StartByOptions): number {
  if (way.kind === "boot") return bootTimeSeconds;
  return bootTimeSeconds / (way.template.key.point === "ready" ? 4 : 2);
}

async function attachAll(
  vm: Vm,
  { disks, signal }: { readonly disks: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  for (const [index, file] of disks.entries()) {
    const place = vm.config.disks.length + index;
    const disk = { node: diskName(place), serial: diskSerial(place), file, format: "qcow2" } as const;
    await attachDisk(vm, disk, signal);
  }
}
