import { spawn, spawnSync } from "node:child_process";
import { basename, dirname } from "node:path";
import { ObError } from "../../errors.ts";
import type { RunTask } from "../../ports/run-task.ts";
import type { FakeGuest } from "./fake-guest.ts";
import { FakeSandbox, type FakeStep } from "./fake-sandbox.ts";

/** A sandbox whose guests are simulated with a shell, the files and the programs of the host. */
export function hostSandbox(): FakeSandbox {
  return new FakeSandbox({ run: runWithShell, ephemeralGuest });
}

async function runWithShell({ task, output, signal }: FakeStep<RunTask>): Promise<number> {
  const [file, ...args] = [...(task.shell.length > 0 ? task.shell : ["/bin/sh", "-c"]), task.command];
  const child = spawn(file ?? "/bin/sh", args, {
    cwd: task.workdir,
    env: { ...process.env, ...Object.fromEntries(task.environment) },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const { promise, resolve } = Promise.withResolvers<number>();
  child.stdout.on("data", output);
  child.stderr.on("data", output);
  child.once("close", (code) => resolve(code ?? 255));
  // The whole group: what the shell started has the output open as well.
  signal.addEventListener("abort", () => child.pid !== undefined && process.kill(-child.pid), { once: true });
  return await promise;
}

const ephemeralGuest: FakeGuest = {
  *readArchive({ path }) {
    const { status, stdout } = spawnSync("tar", ["-cf", "-", "-C", dirname(path), `./${basename(path)}`]);
    if (status !== 0) throw new ObError("BAD_SOURCE", `There is nothing at ${path}.`);
    yield stdout;
  },
  async execInteractive({ command, stdio: terminal }) {
    const [file = "/bin/sh", ...args] = command;
    const child = spawn(file, args);
    terminal.input.pipe(child.stdin);
    child.stdout.pipe(terminal.output, { end: false });
    child.stderr.pipe(terminal.errors, { end: false });
    const { promise, resolve } = Promise.withResolvers<number>();
    child.once("close", (code) => resolve(code ?? 255));
    return await promise;
  },
};
