import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { framable } from "./framed.ts";
import type { GuestCommand } from "./profile.ts";
import { runGuestCommand } from "./guest-command.ts";
import { captureFramed } from "./run-framed.ts";
import { quoteWords } from "../ssh/quote/posix.ts";
import { logInToShell } from "../testing/shell-server.ts";
import { installedShells } from "../testing/installed-shells.ts";

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
