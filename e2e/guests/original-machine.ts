import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";

export interface SshOptions {
  /** The standard input; by default empty. */
  readonly input?: Uint8Array;
  /** Variables to send, as by `SendEnv`. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface SshAnswer {
  readonly code: number;
  /** Standard output and error. */
  readonly said: string;
}

/** A machine that is started, used and stopped as by the original (its lib/qemu_sandbox.ml), but under emulation. */
export interface OriginalMachine extends AsyncDisposable {
  /** Runs a command by OpenSSH's client, which sends its words with blanks between them. Those that send no variables share one connection. */
  ssh(words: readonly string[], options?: SshOptions): Promise<SshAnswer>;
  /** Presses the power button, and waits until QEMU has ended. */
  powerDown(): Promise<void>;
}

export interface OriginalMachineOptions {
  /** A qcow2 disk, which is written to. */
  readonly disk: string;
  /** The disks of caches, which are written to. */
  readonly caches: readonly string[];
  /** The private key of the user opam. */
  readonly key: string;
}

/** In milliseconds. */
const bootTime = 300_000;

/** Starts the machine and waits for the first login. @throws if there is none. */
export async function startOriginalMachine(options: OriginalMachineOptions): Promise<OriginalMachine> {
  const drives = [options.disk, ...options.caches].flatMap((file) => ["-drive", `file=${file},if=virtio`]);
  const qemu = execa(
    "qemu-system-x86_64",
    [
      ...["-machine", "accel=tcg,type=pc", "-cpu", "qemu64,-svm,+rdrand,+rdseed", "-display", "none"],
      ...["-device", "virtio-net,netdev=net0", "-monitor", "stdio", "-m", "1G", "-smp", "1"],
      ...["-netdev", "user,id=net0,restrict=yes,hostfwd=tcp:127.0.0.1:0-:22", ...drives],
    ],
    { stdin: "pipe", reject: false, all: true },
  );
  const ended = Promise.resolve(qemu);
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    qemu.kill("SIGKILL");
    await ended;
  });
  const port = await forwardedPort(qemu);
  await firstLogin(sshTo({ port, key: options.key }), ended);
  const directory = await mkdtemp(path.join(tmpdir(), "ssh-"));
  stack.defer(() => rm(directory, { recursive: true }));
  const login = { port, key: options.key, socket: path.join(directory, "s") };
  stack.use(await openConnection(login));
  const resources = stack.move();
  return {
    ssh: sshTo(login),
    powerDown: async () => {
      qemu.stdin.write("system_powerdown\n");
      await ended;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** QEMU chooses the port of the host, and its monitor tells. */
async function forwardedPort({
  stdin,
  all,
}: {
  readonly stdin: Writable;
  readonly all: Readable;
}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = "";
  const listen = (chunk: Uint8Array): void => {
    said += Buffer.from(chunk).toString();
    const port = /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(said)?.[1];
    if (port !== undefined) resolve(port);
  };
  all.on("data", listen);
  all.once("end", () => reject(new Error(`QEMU has not started:\n${said}`)));
  stdin.write("info usernet\n");
  return await promise;
}

interface Login {
  readonly port: string;
  readonly key: string;
  /** The socket of a connection that is used again, instead of a new one. */
  readonly socket?: string;
}

function sshArguments({ port, key, socket = "none" }: Login): readonly string[] {
  // The user's own settings have no part in it.
  const own = ["-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-S", socket];
  const login = ["opam@localhost", "-p", port, "-o", "NoHostAuthenticationForLocalhost=yes"];
  return [...own, "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20", ...login];
}

function sshTo(login: Login): OriginalMachine["ssh"] {
  return async (words, { input = new Uint8Array(), environment = {} } = {}) => {
    const send = Object.keys(environment).flatMap((name) => ["-o", `SendEnv=${name}`]);
    // An open connection sends only what it was opened for.
    const settings = sshArguments(send.length > 0 ? { ...login, socket: "none" } : login);
    const ssh = await execa("/usr/bin/ssh", [...settings, ...send, ...words], {
      ...{ env: environment, input, reject: false, all: true },
    });
    return { code: ssh.exitCode ?? -1, said: ssh.all };
  };
}

/** Keeps one connection open: each further one would take a second under emulation. */
async function openConnection(login: Login & { readonly socket: string }): Promise<AsyncDisposable> {
  const master = execa("/usr/bin/ssh", ["-M", "-N", ...sshArguments(login)], { reject: false });
  let over = false;
  void master.then(() => (over = true));
  const checks = ["-O", "check", ...sshArguments(login)];
  while ((await execa("/usr/bin/ssh", checks, { reject: false })).exitCode !== 0) {
    if (over) throw new Error(`No connection:\n${(await master).stderr}`);
    await setTimeout(100);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      master.kill();
      await master;
    },
  };
}

async function firstLogin(
  ssh: OriginalMachine["ssh"],
  ended: Promise<{ readonly all: string }>,
): Promise<void> {
  let over: string | undefined;
  void ended.then(({ all }) => (over = all));
  const deadline = Date.now() + bootTime;
  for (;;) {
    const { code, said } = await ssh(["exit"]);
    if (code === 0) return;
    if (over !== undefined) throw new Error(`QEMU has ended:\n${over}`);
    if (Date.now() > deadline) throw new Error(`Nobody can log in: ${said}`);
    // The original waits as long between its attempts.
    await setTimeout(1_000);
  }
}
