import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";

/** A VM that was started without obuilder. It is killed when this is disposed of. */
export interface Guest extends AsyncDisposable {
  readonly process: ChildProcessWithoutNullStreams;
  readonly port: number;
  /** When QEMU was started, in milliseconds of `performance.now`. */
  readonly startedAt: number;
}

/** Starts QEMU. The argument of `argv` is the host port that is forwarded to the guest's SSH server. */
export async function startQemu(argv: (port: number) => readonly string[]): Promise<Guest> {
  const port = await freePort();
  const [program = "", ...words] = argv(port);
  const startedAt = performance.now();
  const child = spawn(program, words, { stdio: "pipe" });
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  const exited = once(child, "exit");
  exited.catch(() => undefined);
  child.once("exit", (code) => {
    if (code !== null && code !== 0) process.stderr.write(`QEMU ended with ${code}: ${said}\n`);
  });
  return {
    process: child,
    port,
    startedAt,
    async [Symbol.asyncDispose]() {
      end();
      if (child.exitCode === null && child.signalCode === null) await exited;
      process.off("exit", end);
    },
  };
}

/**
 * Derives an argv for a bare VM from obuilder's QEMU argv: the same devices, but another disk, our own SSH port, the
 * console on standard output, and no monitor.
 */
export function bareArgv(argv: readonly string[], { disk, port }: { disk: string; port: number }) {
  return argv.map((word) => {
    const unused = /^socket,id=(qmp|root-shell|root-shell-errors),/.exec(word)?.[1];
    if (unused !== undefined) return `null,id=${unused}`;
    if (word.startsWith("socket,id=console,")) return "stdio,id=console,signal=off";
    // obuilder itself is what its QEMU is connected with.
    if (word.startsWith("socket,id=net0,fd="))
      return `user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`;
    return word
      .replace(/"filename":"[^"]*\/rootfs\/image\.qcow2"/, `"filename":${JSON.stringify(disk)}`)
      .replace("127.0.0.1:0-:22", `127.0.0.1:${port}-:22`);
  });
}

/** Time limit of a boot in milliseconds. */
export const maxBootTime = 900_000;

/** Resolves when the guest prints its ready marker on the console. */
export async function untilReady(guest: Guest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let said = "";
  guest.process.stdout.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    if (said.includes("obuilder: ready")) resolve();
  });
  await inTime(promise, () => `The guest does not say that it is ready:\n${said.slice(-2_000)}`);
}

/** Connects repeatedly until the SSH server sends its banner. */
export async function banner(guest: Guest): Promise<void> {
  const limit = performance.now() + maxBootTime;
  while (performance.now() < limit) {
    const socket = connect({ host: "127.0.0.1", port: guest.port });
    socket.on("error", () => undefined);
    const seen = await Promise.race([
      once(socket, "data").then(() => true),
      once(socket, "close").then(() => false),
      delay(5_000, false),
    ]).catch(() => false);
    socket.destroy();
    if (seen) return;
    await delay(50);
  }
  throw new Error("The guest's SSH server does not answer.");
}

async function inTime<T>(promise: Promise<T>, why: () => string): Promise<T> {
  const over = new AbortController();
  const limit = delay(maxBootTime, undefined, { signal: over.signal }).then(() => {
    throw new Error(why());
  });
  limit.catch(() => undefined);
  try {
    return await Promise.race([promise, limit]);
  } finally {
    over.abort();
  }
}

export interface Login {
  readonly port: number;
  readonly key: string;
}

/** Arguments of an OpenSSH client without prompts. */
export function sshArgs({ port, key }: Login): readonly string[] {
  const settings = [
    "BatchMode=yes",
    "LogLevel=ERROR",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
  ];
  return ["-i", key, "-p", String(port), ...settings.flatMap((setting) => ["-o", setting]), "opam@localhost"];
}

/** Runs a command in the guest over a new connection. @returns false if it fails. */
export async function ssh(login: Login, command: string, timeout = 600_000): Promise<boolean> {
  const { failed } = await execa("ssh", [...sshArgs(login), command], {
    reject: false,
    timeout,
    stdin: "ignore",
  });
  return !failed;
}

/** Copies a directory by `tar -cf - | ssh … tar -xf -`. */
export async function sshTar(login: Login, source: string, target: string): Promise<void> {
  const pack = execa("tar", ["-C", source, "-cf", "-", "."], { buffer: false });
  const unpack = `sudo mkdir -p ${target} && sudo tar -xf - -C ${target}`;
  await pack.pipe("ssh", [...sshArgs(login), unpack]);
}

/** Creates an overlay on a disk, as the original OBuilder does. */
export async function overlay(disk: string, backing: string, size: readonly string[] = []): Promise<void> {
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", disk, ...size]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}
