import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { execa } from "execa";

/** A Wine prefix, and an sshd on its own port whose users run Wine's cmd. */
export interface WineGuest extends AsyncDisposable {
  /** The absolute path of the directory that is C: in Wine. */
  readonly drive: string;
  /** The empty directory that is d: in Wine. */
  readonly cache: string;
  /** Runs a command in bash, as for an SSH client. */
  run(command: string, input?: Uint8Array): Promise<{ readonly code: number; readonly said: string }>;
}

export interface WineOptions {
  /** True to use symbolic links, since Wine 8 does not support junctions. Then the test proves nothing about mklink. */
  readonly simulateJunctions: boolean;
}

/** Debian installs sshd in /usr/sbin, which is not on an ordinary user's PATH. */
const env = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` };

/** What this host lacks for `startWine`; undefined if nothing. */
export async function missingForWine(): Promise<string | undefined> {
  for (const name of ["wine", "sshd", "ssh"]) {
    const found = await execa("which", [name], { env, reject: false });
    if (found.exitCode !== 0) return name;
  }
  return undefined;
}

export async function startWine({ simulateJunctions }: WineOptions): Promise<WineGuest> {
  await using stack = new AsyncDisposableStack();
  const root = await mkdtemp(path.join(tmpdir(), "wine-cmd-"));
  stack.defer(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
  const prefix = path.join(root, "prefix");
  const bin = path.join(root, "bin");
  const cache = path.join(root, "cache");
  for (const directory of [bin, cache]) await mkdir(directory);
  const wineEnv = {
    WINEPREFIX: prefix,
    WINEDEBUG: "-all",
    WINEDLLOVERRIDES: "mscoree=d;mshtml=d",
    DISPLAY: "",
  };
  await execa("wine", ["wineboot", "-i"], { env: wineEnv });
  // Ends the server of this prefix only.
  stack.defer(async () => {
    await execa("wine", ["wineboot", "-k"], { env: wineEnv, reject: false });
  });
  await symlink(cache, path.join(prefix, "dosdevices/d:"));
  await program(path.join(bin, "cmd"), simulateJunctions ? cmdWithLinks : cmd);
  await program(path.join(bin, "cygpath"), cygpath);
  await program(path.join(bin, "icacls"), 'exec wine icacls.exe "$@"');

  const server = await startSshd(root, { ...wineEnv, PATH: `${bin}:/usr/bin:/bin` });
  stack.use(server);
  const resources = stack.move();
  return {
    drive: path.join(prefix, "drive_c"),
    cache,
    run: server.run,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const cmd = 'exec wine cmd.exe "$@"';

/** Replaces only what Wine does not support: mklink of a junction, and rmdir of one. The rest is Wine's cmd. */
const cmdWithLinks = `[ "$1" != /d ] || shift
case "$2 $3" in
  "mklink /j") ln -s "$(winepath -u "$5")" "$(cygpath -u "$4")"; exit 0 ;;
  "rmdir "*) link=$(cygpath -u "$3"); if [ -L "$link" ]; then rm -- "$link"; exit 0; fi ;;
esac
exec wine cmd.exe "$@"`;

/** winepath would follow a link that simulates a junction, so paths on C: are translated here. */
const cygpath = `case "$*" in
  -S) exec winepath -u 'C:\\windows\\system32' ;;
  "-w -S") echo 'C:\\windows\\system32' ;;
  "-u "[Cc]:*) path=\${2#?:}; printf '%s\\n' "$WINEPREFIX/drive_c\${path//\\\\//}" ;;
  "-u /"*) printf '%s\\n' "$2" ;;
  *) exec winepath "$@" ;;
esac`;

async function program(file: string, body: string): Promise<void> {
  await writeFile(file, `#!/bin/bash\n${body}\n`);
  await chmod(file, 0o755);
}

async function startSshd(root: string, variables: Readonly<Record<string, string>>) {
  const at = (name: string): string => path.join(root, name);
  for (const name of ["host", "client"]) {
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
  }
  const port = await freePort();
  const settings = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${at("host")}`,
    `AuthorizedKeysFile ${at("client.pub")}`,
    `PidFile ${at("sshd.pid")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    `SetEnv ${Object.entries(variables)
      .map(([key, value]) => `"${key}=${value}"`)
      .join(" ")}`,
    // Independent of the user's login shell, as Windows' sshd starts Cygwin's bash.
    'ForceCommand exec bash -c "$SSH_ORIGINAL_COMMAND"',
  ];
  await writeFile(at("sshd_config"), `${settings.join("\n")}\n`);
  // An sshd that is started by root requires this directory.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
  const { stdout: sshd } = await execa("which", ["sshd"], { env });
  const server = execa(sshd, ["-D", "-e", "-f", at("sshd_config")], { reject: false, all: true });
  await answered(port);
  const login = ["-F", "none", "-i", at("client"), "-p", String(port), "-l", userInfo().username];
  const quiet = [
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
  ];
  return {
    run: async (command: string, input: Uint8Array = new Uint8Array()) => {
      const ended = await execa("ssh", [...login, ...quiet, "127.0.0.1", command], {
        input,
        reject: false,
        all: true,
      });
      return { code: ended.exitCode ?? -1, said: ended.all };
    },
    [Symbol.asyncDispose]: async () => {
      server.kill();
      await server;
    },
  };
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
  });
  return await promise;
}

async function answered(port: number): Promise<void> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect(port, "127.0.0.1");
    socket.once("data", () => resolve(true));
    socket.once("error", () => setTimeout(resolve, 50, false));
    const done = await promise;
    socket.destroy();
    if (done) return;
  }
}
