import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { getuid } from "node:process";
import { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import {
  abortable,
  deadline,
  type Emit,
  findProgram,
  isObError,
  missingTool,
  ObError,
  tailLines,
  TailText,
} from "@ob/core";
import { withoutInheritedFiles } from "../process/confine.ts";
import { LoopbackFilter } from "./loopback-filter.ts";

/*
 * passt connects a guest with the host's network by ordinary sockets of its own, as QEMU's slirp does. It is a process
 * outside QEMU, without privileges, and the host's loopback can be left out.
 */

export interface PasstOptions {
  /** A TCP port of the guest that 127.0.0.1 leads to; by default none. */
  readonly guestPort?: number | undefined;
  /** True if the guest's gateway, 10.0.2.2, is the host's 127.0.0.1, and the guest's packets are not filtered. */
  readonly hostLoopback: boolean;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** A running passt. It ends with this process, however that ends. Disposing ends it. */
export interface Passt extends AsyncDisposable {
  readonly pid: number;
  /** The port on 127.0.0.1 that leads to the guest's `PasstOptions.guestPort`; 0 if there is none. */
  readonly hostPort: number;
  /** Settles with what went wrong when the network has failed. Pending as long as it works, and after disposing. */
  readonly failed: Promise<ObError>;
  /** Connects it with QEMU's end of a stream netdev. */
  connect(netdev: Duplex): void;
}

/** How long passt may take until it is ready, in milliseconds. It takes 20 on an idle machine. */
const startTime = 10_000;
const interval = 10;

/** How often another free port is tried. */
const maxPorts = 10;

/** passt's own end of the connection. */
const tapFd = 3;

/**
 * Starts passt and waits until it serves. Another process may take the chosen port first: then another is chosen.
 *
 * @throws ObError `MISSING_TOOL`; `TOOL_FAILED` with passt's message, such as for a host without a default route; the
 *   signal's reason.
 */
export async function startPasst(options: PasstOptions): Promise<Passt> {
  for (let attempt = 1; ; attempt += 1) {
    const hostPort = options.guestPort === undefined ? 0 : await freePort();
    try {
      return await startOn(hostPort, options);
    } catch (error) {
      const isTaken = isObError(error, "TOOL_FAILED") && /failed to bind/i.test(error.message);
      if (!isTaken || attempt === maxPorts) throw error;
    }
  }
}

async function startOn(
  hostPort: number,
  { guestPort, hostLoopback, ...caller }: PasstOptions,
): Promise<Passt> {
  const program = await findProgram("passt");
  if (program === undefined) throw missingTool("passt");
  const forward = guestPort === undefined ? [] : ["-t", `127.0.0.1/${hostPort}:${guestPort}`];
  const args = [...passtArgs(hostLoopback), ...forward];
  caller.emit({ type: "exec", argv: [program, ...args] });
  const { child, exited } = await withoutInheritedFiles(["ignore", "ignore", "pipe", "pipe"], (stdio) => {
    const passt = spawn(program, args, { stdio, detached: true, env: {} });
    return { child: passt, exited: exitOf(passt, collectStderr(passt)) };
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await serves(child, { exited, signal: caller.signal });
  } catch (error) {
    await stop();
    throw error;
  }
  return servingPasst(child, { exited, hostPort, hostLoopback, stop });
}

interface Started {
  readonly exited: Promise<ObError>;
  readonly hostPort: number;
  readonly hostLoopback: boolean;
  readonly stop: () => Promise<void>;
}

function servingPasst(child: ChildProcess, { exited, hostPort, hostLoopback, stop }: Started): Passt {
  const { promise: failed, resolve: onFailed } = Promise.withResolvers<ObError>();
  let stopping = false;
  const watchExit = async (): Promise<void> => {
    const error = await exited;
    // It ends by itself, and cleanly, when QEMU has ended.
    if (!stopping && child.exitCode !== 0) onFailed(error);
  };
  const tap = socketOf(child);
  const passOn = async (streams: readonly Duplex[]): Promise<void> => {
    try {
      await pipeline(streams);
    } catch (error) {
      // The ends close when QEMU or passt has ended, which is reported as such.
      if (!stopping && isObError(error)) onFailed(error);
    }
  };
  void watchExit();
  return {
    pid: child.pid ?? 0,
    hostPort,
    failed,
    connect: (netdev) => {
      void passOn([netdev, ...(hostLoopback ? [] : [new LoopbackFilter()]), tap]);
      void passOn([tap, netdev]);
    },
    [Symbol.asyncDispose]: async () => {
      stopping = true;
      await stop();
    },
  };
}

/**
 * The addresses are slirp's, so that a guest finds the same network with either. The guest's name server is the host's.
 * With a maximum transmission unit of 0 none is announced, and the guest keeps that of Ethernet.
 */
function passtArgs(hostLoopback: boolean): readonly string[] {
  const user = getuid?.() === 0 ? ["--runas", "65534:65534"] : [];
  return [
    ...["--foreground", "--quiet", ...user, "--fd", String(tapFd), "--mtu", "0"],
    ...["--address", "10.0.2.15", "--netmask", "255.255.255.0", "--gateway", "10.0.2.2"],
    ...["--dns-forward", "10.0.2.3"],
    ...(hostLoopback ? [] : ["--no-map-gw"]),
  ];
}

interface Waiting {
  readonly exited: Promise<ObError>;
  readonly signal: AbortSignal;
}

/** Resolves when passt has bound its ports and given up its rights: the last that it does before it serves. */
async function serves(child: ChildProcess, { exited, signal: caller }: Waiting): Promise<void> {
  using limit = deadline(
    startTime,
    () => new ObError("TOOL_FAILED", `passt was not ready within ${startTime / 1000} s.`),
  );
  const signal = AbortSignal.any([caller, limit.signal]);
  for (;;) {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    if (/^Seccomp:\s*2$/m.test(status)) return;
    const failure = await abortable(Promise.race([exited, wait(interval)]), signal);
    if (failure) throw failure;
  }
}

/** Settles when it has exited, with the error for that. Never rejects. */
async function exitOf(child: ChildProcess, stderrTail: () => string): Promise<ObError> {
  const { promise, resolve } = Promise.withResolvers<ObError>();
  child.once("error", (cause) =>
    resolve(new ObError("TOOL_FAILED", `passt could not be started: ${cause.message}`, { cause })),
  );
  child.once("close", (code, signal) => {
    const how = signal === null ? `exit status ${code ?? "unknown"}` : `signal ${signal}`;
    const tail = stderrTail();
    resolve(new ObError("TOOL_FAILED", `passt ended with ${how}${tail === "" ? "." : `:\n${tail}`}`));
  });
  return await promise;
}

function socketOf(child: ChildProcess): Duplex {
  const stream = child.stdio[tapFd];
  if (!(stream instanceof Duplex)) throw new TypeError("passt has no socket");
  return stream;
}

/**
 * What passt says although nothing is wrong: without a system log about each line that it cannot send there, and, since 2024, about what
 * it leaves to the guest.
 */
const noise =
  /^(?:Failed to send \d+ bytes to syslog|MTU 0 is too small .*|No IPv[46] nameserver available .*)$/;

function collectStderr(child: ChildProcess): () => string {
  const tail = new TailText(16_384);
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => tail.add(chunk));
  return () => {
    const lines = tail.text.split("\n").filter((line) => !noise.test(line));
    return tailLines(lines.join("\n"), 4);
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new TypeError("the port is not known");
  return address.port;
}
