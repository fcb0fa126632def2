import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { abortable, abortReason, deadline, type Emit, isObError, ObError } from "@ob/core";
import { asBootFailure, type Vm } from "@ob/qemu";
import type { LoginKey } from "../ssh/keys.ts";
import { sendIdentification } from "../ssh/identification.ts";
import { openSession, type SshSession } from "../ssh/session.ts";

/**
 * When to connect first: at once, when the console shows `sshReadyPattern` (or after `markerTimeout`), or at once and then
 * again and again.
 */
export type ProbeMode = "immediate" | "on-marker" | "poll";

export interface WaitForSshOptions {
  /** What the guest may print on its console when its SSH server listens. */
  readonly sshReadyPattern: RegExp;
  readonly probe: ProbeMode;
  readonly user: string;
  readonly keys: readonly LoginKey[];
  /** How long the guest may take from its start to a login, in seconds. */
  readonly bootTimeSeconds: number;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * QEMU accepts connections long before the guest does, and each that reaches the guest costs it a process: so there are
 * only a few attempts at a time, each with a short lifetime. A guest that takes long is slow: the longer it takes, the
 * longer the interval between attempts and the lifetime of each. In milliseconds.
 */
const retry = { every: 400, slower: 0.05, atATime: 6 };

/** How long a guest may take to answer the first attempt after the marker, before it is polled. In milliseconds. */
const markerTimeout = 30_000;

/**
 * Waits until an SSH login succeeds.
 *
 * @throws ObError `BOOT_FAILED` after the time limit or if QEMU exits, with the last lines of the console;
 *   `LOGIN_FAILED` as soon as the guest has rejected all keys; the signal's reason.
 */
export async function waitForSsh(vm: Vm, options: WaitForSshOptions): Promise<SshSession> {
  const { sshReadyPattern, probe, user, keys, bootTimeSeconds, emit } = options;
  const start = performance.now();
  let sawServer = false;
  using limit = deadline(bootTimeSeconds * 1000, () => bootTimeoutError(vm, { bootTimeSeconds, sawServer }));
  const signal = AbortSignal.any([options.signal, vm.failed, limit.signal]);
  try {
    for (;;) {
      const socket = await firstBanner(vm, {
        sshReadyPattern,
        probe: sawServer ? "poll" : probe,
        signal,
      });
      const answered = performance.now();
      sawServer = true;
      try {
        const session = await openSession(socket, { user, keys, identified: true, signal });
        const [boot, login] = [answered - start, performance.now() - answered];
        emit({
          type: "log",
          level: "debug",
          text: `SSH answered after ${ms(boot)}, login took ${ms(login)}`,
        });
        return session;
      } catch (error) {
        // A server that is still starting may close connections.
        if (signal.aborted || !isObError(error, "GUEST_LOST")) throw error;
        await abortable(wait(retry.every), signal);
      }
    }
  } catch (error) {
    if (options.signal.aborted) throw abortReason(options.signal);
    throw asBootFailure(error);
  }
}

/**
 * Waits until an SSH server has answered, and gives that connection up.
 *
 * @throws the signal's reason.
 */
export async function waitForBanner(vm: Vm, options: Omit<BannerOptions, "probe">): Promise<void> {
  const socket = await firstBanner(vm, { ...options, probe: "poll" });
  socket.destroy();
}

interface BannerOptions {
  readonly sshReadyPattern: RegExp;
  readonly probe: ProbeMode;
  readonly signal: AbortSignal;
}

/** The first connection on which the other end sends something. */
async function firstBanner(vm: Vm, { sshReadyPattern, probe, signal }: BannerOptions): Promise<Duplex> {
  const sockets = new Set<Duplex>();
  const { promise, resolve } = Promise.withResolvers<Duplex>();
  const start = performance.now();
  const interval = (): number => retry.every + retry.slower * (performance.now() - start);
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const connectOnce = (lifetime: number): Duplex => {
    const socket = vm.connect();
    sockets.add(socket);
    sendIdentification(socket);
    const drop = (): void => {
      sockets.delete(socket);
      socket.destroy();
    };
    const life = setTimeout(drop, lifetime);
    socket.once("close", () => {
      clearTimeout(life);
      drop();
    });
    socket.on("error", () => undefined);
    socket.once("data", (bytes) => {
      clearTimeout(life);
      socket.pause();
      socket.unshift(bytes);
      resolve(socket);
    });
    return socket;
  };
  const poll = (): void => {
    connectOnce(retry.atATime * interval());
    timer = setTimeout(poll, interval());
  };
  const probeOnce = (): void => {
    clearTimeout(timer);
    // If the connection is closed the guest is polled.
    connectOnce(markerTimeout).once("close", () => {
      if (!ended) timer = setTimeout(poll, interval());
    });
  };
  const marker = vm.console.onMatch(sshReadyPattern, probe === "immediate" ? () => undefined : probeOnce);
  if (probe === "immediate") probeOnce();
  // QEMU delivers every connection in the end, also those that were given up: the fewer the better.
  else if (probe === "on-marker") timer = setTimeout(poll, markerTimeout);
  else poll();
  try {
    const answered = await abortable(promise, signal);
    sockets.delete(answered);
    answered.removeAllListeners("close");
    return answered;
  } finally {
    ended = true;
    marker[Symbol.dispose]();
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  }
}

/** The error of a guest that does not answer in time. */
export function bootTimeoutError(vm: Vm, seen: { bootTimeSeconds: number; sawServer: boolean }): ObError {
  const what = seen.sawServer ? "did not complete an SSH login" : "did not answer on its SSH port";
  return new ObError(
    "BOOT_FAILED",
    `The guest ${what} within ${seen.bootTimeSeconds} s.${vm.consoleParagraph()}`,
    { hint: "A slow host or guest needs more time.", data: { option: "bootTimeSeconds" } },
  );
}

function ms(milliseconds: number): string {
  return `${Math.round(milliseconds)} ms`;
}
