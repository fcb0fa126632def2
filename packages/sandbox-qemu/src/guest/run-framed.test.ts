import { Readable } from "node:stream";
import type { RunTask } from "@ob/core";
import { afterEach, describe, expect, it } from "vitest";
import { framable } from "./framed.ts";
import type { GuestCommand } from "./profile.ts";
import { linuxGuest } from "./linux/profile.ts";
import { runGuestCommand, runStepCommand } from "./guest-command.ts";
import { captureFramed } from "./run-framed.ts";
import type { SshSession } from "../ssh/session.ts";
import { quoteWords } from "../ssh/quote/posix.ts";
import { logInToShell } from "../testing/shell-server.ts";
import { installedShells, otherShells } from "../testing/installed-shells.ts";
import { runTask } from "../testing/run-task.ts";
import { RootShell } from "../ssh/root-shell.ts";
import { identify } from "../lifecycle/identify.ts";

const { signal } = new AbortController();
let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

function command(script: string): GuestCommand {
  return {
    phase: "login",
    purpose: "look around",
    ...framable((text) => `exec ${quoteWords(["/bin/sh", "-c", text])}`, script),
    failure: "UNSUPPORTED",
  };
}

/** Runs a step's command, and resolves with its output. */
async function outputOfStep(session: SshSession, changes: Partial<RunTask>): Promise<string> {
  let output = "";
  const onOutput = (bytes: Uint8Array): void => void (output += Buffer.from(bytes).toString());
  await runStepCommand(linuxGuest("opam").run(runTask(changes)), { session, signal, onOutput });
  return output;
}

const talking = installedShells.filter((shell) => /bash|zsh/.test(shell));

describe.each(talking)("a command in a frame, with a start-up file of %s", (shell) => {
  const logIn = async (startUp: string) => await logInToShell({ shell, startUp, stack });

  it("that prints on both streams, at each command and at its end, has only its own output", async () => {
    const startUp = `printf 'no line end'; echo error >&2; set -x; trap 'echo bye' EXIT`;
    const session = await logIn(startUp);
    await expect(
      captureFramed(command("echo out; echo err >&2; exit 3"), { session, signal }),
    ).resolves.toEqual({ status: { kind: "exited", code: 3 }, stdout: "out\n", stderr: "err\n" });
    await expect(
      runGuestCommand(command("echo; echo broken >&2; exit 3"), { session, signal }),
    ).rejects.toMatchObject({ code: "UNSUPPORTED", message: "The guest could not look around: broken" });
  });

  it("that leaves a process which holds the output, does not wait for it", async () => {
    const session = await logIn("sleep 900 & ");
    expect(await runGuestCommand(command("echo out"), { session, signal })).toBe("out\n");
  });

  it("that reads a line, gets all of its input", async () => {
    const session = await logIn("read x; read y");
    const bytes = Buffer.from("first\nsecond\0\u{1F600}");
    for (const input of [bytes, Readable.from([bytes.subarray(0, 3), bytes.subarray(3)])]) {
      const { stdout } = await captureFramed(command("cat"), { session, signal, input });
      expect(stdout).toBe(bytes.toString());
    }
  });

  it("that reads all of the input, fails with an explanation", async () => {
    const session = await logIn("cat >/dev/null");
    await expect(
      runGuestCommand({ ...command("cat"), input: Buffer.from("x") }, { session, signal }),
    ).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("the login shell has read what was sent"),
    });
  });

  it("that ends the shell, is not taken for successful", async () => {
    const session = await logIn("echo not today >&2; exit 0");
    await expect(runGuestCommand(command("echo"), { session, signal })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: "The guest could not look around: its login shell ended first: not today",
    });
  });
});

describe.each(talking)("the command of a step, with a start-up file of %s", (shell) => {
  it("that prints, has this in its output too", async () => {
    const session = await logInToShell({ shell, startUp: "echo welcome; printf 'no line end'", stack });
    // zsh also reads it in the shell that runs the command.
    const times = shell.endsWith("zsh") ? 2 : 1;
    const printed = `${"welcome\nno line end".repeat(times)}out\n`;
    expect(await outputOfStep(session, { command: "echo out" })).toBe(printed);
  });

  it.each(["exit 0", "exec true", "exec cat", "exec /bin/sh"])(
    "that has `%s`, fails: it was not run",
    async (startUp) => {
      const session = await logInToShell({ shell, startUp, stack });
      await expect(outputOfStep(session, { command: "echo out" })).rejects.toMatchObject({
        code: "STEP_FAILED",
        message: "The command was not run: the login shell ended first, with exit status 0.",
      });
    },
  );

  it.each(["set -e; false || :", "set -o noclobber", "unset PATH", "alias exec=false", "set -u"])(
    "that has `%s`, is run as otherwise",
    async (startUp) => {
      const session = await logInToShell({ shell, startUp, stack });
      session.loginShell = shell;
      const quiet = "echo out >/dev/null; /bin/echo $0";
      expect(await outputOfStep(session, { command: quiet })).toBe(`${shell}\n`);
    },
  );
});

describe.each(otherShells)("a guest whose login shell is %s", (shell) => {
  /** As `launch` logs in: the guest tells its login shell while it is identified. */
  async function logIn(): Promise<SshSession> {
    const session = await logInToShell({ shell, stack });
    const machineId = "obuilder-AAAAAAAAAAA";
    const { identity } = linuxGuest("opam");
    const profile = {
      ...linuxGuest("opam"),
      identity: identity.replace("exec cat", `echo ${machineId}; exec cat`),
    };
    await identify({ session, machineId, profile, timeoutMs: 60_000, signal });
    expect(session.loginShell).toBe(shell);
    return session;
  }

  it("runs commands of any length with their input, in a frame", async () => {
    const session = await logIn();
    const input = Buffer.from("it's!\n\\ \0\u{1F600}");
    const script = `x='${"it is! ".repeat(3_000)}'; cat; echo "$x" | wc -c >&2`;
    const { status, stdout, stderr } = await captureFramed(command(script), { session, signal, input });
    expect(status).toEqual({ kind: "exited", code: 0 });
    expect(stdout).toBe(input.toString());
    expect(stderr.trim()).toBe("21001");
  });

  it("has a persistent root shell", async () => {
    const session = await logIn();
    const root = stack.use(await RootShell.open(session, "exec /bin/sh", signal));
    const { stdout } = await root.run(`printf '%s' "it's!"; exit 3`, { signal });
    expect(stdout).toBe("it's!");
  });

  it("runs a step's command in that shell", async () => {
    const session = await logIn();
    expect(await outputOfStep(session, { command: "echo it is $SHELL" })).toBe(`it is ${shell}\n`);
  });
});
