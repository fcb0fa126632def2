import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSession, type SshSession } from "../ssh/session.ts";
import { newKey, startServer } from "./ssh-server.ts";

export interface LoginShellOptions {
  /** Absolute path of the login shell; by default bash. */
  readonly shell?: string;
  /** The contents of its start-up file. bash and zsh read one for a command. */
  readonly startUp?: string;
  /** Owns the server and its processes. */
  readonly stack: AsyncDisposableStack;
}

/**
 * A session with a server that runs commands in a login shell of this host. As sshd does, it sends the status when the
 * shell ends, and closes the channel when no process holds the output.
 */
export async function logInToShell(options: LoginShellOptions): Promise<SshSession> {
  const { shell = "/bin/bash", startUp = "", stack } = options;
  const { path: home } = stack.use(await mkdtempDisposable(join(tmpdir(), "login-shell-")));
  // bash reads its start-up file for a command if its standard input is a socket, as with sshd and with Node's pipe.
  for (const name of [".bashrc", ".zshenv", ".cshrc"]) await writeFile(join(home, name), `${startUp}\n`);
  const env = { PATH: process.env["PATH"], HOME: home, SHELL: shell };
  const children = new Set<ChildProcess>();
  // Processes that a start-up file leaves behind are in the process group of its shell.
  stack.defer(() => {
    for (const { pid = 0 } of children) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // It has exited.
      }
    }
  });
  const accepts = newKey();
  const server = stack.use(
    await startServer({
      accepts,
      onExec: (command, channel) => {
        const child = spawn(shell, ["-c", command], { stdio: "pipe", env, detached: true });
        children.add(child);
        channel.pipe(child.stdin);
        child.stdin.on("error", () => undefined);
        child.stdout.pipe(channel, { end: false });
        child.stderr.pipe(channel.stderr, { end: false });
        child.once("exit", (code) => channel.exit(code ?? 1));
        child.once("close", () => channel.end());
      },
    }),
  );
  const keys = [{ kind: "key", label: "the key", key: accepts }] as const;
  const { signal } = new AbortController();
  return stack.use(await openSession(await server.connect(), { user: "opam", keys, signal }));
}
