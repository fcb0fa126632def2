import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { errnoCode, findProgram, tailLines, missingTool } from "@ob/core";
import { bareEnvironment, type Stdio, withoutInheritedFiles } from "./confine.ts";

/** File descriptors of QEMU whose other end this process holds. */
export const qmpFd = 3;
export const consoleFd = 4;
/** The first descriptors of files that QEMU inherits: for a snapshot, its device state and its memory. */
export const stateFd = 5;
export const memoryFd = 6;
/** QEMU's end of a stream netdev. */
export const networkFd = 7;
/** QEMU's ends of the root shell's ports; see `VmConfig.rootShellPort`. */
export const rootShellFd = 8;
export const rootShellErrorsFd = 9;

/** The host's ends of the ports on which a guest's init has started a root shell. */
export interface RootShellPort {
  /** Its standard input and output. */
  readonly shell: Duplex;
  /** Its standard error. */
  readonly errors: Duplex;
}

/** How QEMU exited. */
export interface QemuExit {
  /** True if QEMU exited with status 0. */
  readonly clean: boolean;
  /** `exit status 1` or `signal SIGKILL`. */
  readonly description: string;
  /** The last lines of its standard error, or empty. */
  readonly stderrTail: string;
}

export interface QemuProcess {
  /** Of QEMU or its wrapper. */
  readonly pid: number;
  /** That of QEMU itself, which may be confined. */
  qemuPid(): Promise<number>;
  readonly qmp: Duplex;
  /** The guest's serial console, in both directions. */
  readonly console: Duplex;
  /** The other end of `networkFd`, if it was asked for. */
  readonly network: Duplex | undefined;
  /** The other ends of `rootShellFd` and `rootShellErrorsFd`, if they were asked for. */
  readonly rootShellPort: RootShellPort | undefined;
  /** Settles when the process has exited. Never rejects. */
  readonly exited: Promise<QemuExit>;
  /** The last lines of its standard error until now, or empty. */
  stderrTail(): string;
  /** Kills it, and what a wrapper has started. */
  kill(): void;
}

export interface SpawnQemuOptions {
  /** Open descriptors to inherit, as `stateFd` and following; at most two. */
  readonly files?: readonly number[] | undefined;
  /** True for a socket at `networkFd`. */
  readonly network?: boolean | undefined;
  /** True for sockets at `rootShellFd` and `rootShellErrorsFd`. */
  readonly rootShellPort?: boolean | undefined;
  /** What all of this is appended to: see `VmCgroup.command`. */
  readonly startedBy?: readonly string[] | undefined;
  /** What QEMU's command is appended to, in place of what only ends it with this process. See `VmConfinement.command`. */
  readonly confinedBy?: readonly [string, ...string[]] | undefined;
}

/**
 * Starts QEMU so that it never outlives this process: the kernel kills it when the thread that started it ends. It has a
 * session of its own, so that Ctrl-C only reaches this process.
 *
 * @param argv of QEMU, or of a wrapper that passes its descriptors on to QEMU and exits with it.
 * @throws ObError `MISSING_TOOL`.
 */
export async function spawnQemu(
  argv: readonly [string, ...string[]],
  { files = [], network = false, rootShellPort = false, startedBy = [], confinedBy }: SpawnQemuOptions = {},
): Promise<QemuProcess> {
  const [file, ...args] = argv;
  const program = await findProgram(file);
  if (program === undefined) throw missingTool(file);
  const [first, ...rest] = [...startedBy, ...(confinedBy ?? (await endingWithUs())), program, ...args];
  const wanted: Stdio[] = ["ignore", "ignore", "pipe", "pipe", "pipe", ...files];
  if (network) wanted[networkFd] = "pipe";
  if (rootShellPort) wanted[rootShellFd] = wanted[rootShellErrorsFd] = "pipe";
  const env = bareEnvironment();
  const { child, started, exited, stderrTail } = await withoutInheritedFiles(wanted, (stdio) =>
    listenTo(spawn(first ?? program, rest, { stdio, env, detached: true })),
  );
  await started;
  // Set since "spawn".
  const pid = child.pid ?? 0;
  return {
    pid,
    qemuPid: async () => (confinedBy === undefined ? pid : await onlyChild(await onlyChild(pid))),
    qmp: socketOf(child, qmpFd),
    console: socketOf(child, consoleFd),
    network: network ? socketOf(child, networkFd) : undefined,
    rootShellPort: rootShellPort
      ? { shell: socketOf(child, rootShellFd), errors: socketOf(child, rootShellErrorsFd) }
      : undefined,
    exited: confinedBy === undefined ? exited : asOfQemu(exited),
    stderrTail,
    kill: () => killGroup(child),
  };
}

/** A command that ends with this process; empty where that is not possible. */
async function endingWithUs(): Promise<readonly string[]> {
  const setpriv = await findProgram("setpriv");
  return setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
}

/** Between QEMU and the command that confines it there is process 1 of its namespace. */
async function onlyChild(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return Number(children.trim().split(" ")[0]);
}

/** The wrapper exits with 128 and the number of the signal that has ended QEMU. */
async function asOfQemu(exited: Promise<QemuExit>): Promise<QemuExit> {
  const exit = await exited;
  const status = /^exit status (\d+)$/.exec(exit.description)?.[1];
  const signal = Object.entries(constants.signals).find(([, number]) => 128 + number === Number(status));
  return signal === undefined ? exit : { ...exit, description: `signal ${signal[0]}` };
}

/** At once: its events come before a caller that waits for anything else. */
function listenTo(child: ChildProcess) {
  const stderrTail = collectStderr(child);
  const { promise: exited, resolve } = Promise.withResolvers<QemuExit>();
  child.once("close", (code, signal) =>
    resolve({
      clean: code === 0,
      description: signal === null ? `exit status ${code ?? "unknown"}` : `signal ${signal}`,
      stderrTail: stderrTail(),
    }),
  );
  const { promise: started, resolve: onStart, reject: onError } = Promise.withResolvers<void>();
  child.once("spawn", onStart);
  child.once("error", onError);
  // It is awaited a moment later.
  started.catch(() => undefined);
  return { child, started, exited, stderrTail };
}

/** QEMU leads a process group, in which a wrapper and its QEMU are together. */
function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (errnoCode(error) !== "ESRCH") throw error;
  }
}

/** Node's "pipe" is a connected pair of unix sockets: QEMU reads and writes the same descriptor. */
function socketOf(child: ChildProcess, fd: number): Duplex {
  const stream = child.stdio[fd];
  if (!(stream instanceof Duplex)) throw new TypeError(`descriptor ${fd} of QEMU is not a socket`);
  stream.on("error", () => undefined);
  return stream;
}

/** QEMU repeats the whole option that it refuses; the name of the file is enough. */
const blockdevOption = /-blockdev \{.*"filename":"([^"]*)".*\}(?=: )/g;

function collectStderr(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-16_384);
  });
  return () => {
    const lines = text.split("\n").filter((line) => !line.includes(": warning: "));
    return tailLines(lines.join("\n").replaceAll(blockdevOption, '"$1"'), 8);
  };
}
