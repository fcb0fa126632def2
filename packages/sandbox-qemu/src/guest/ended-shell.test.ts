import { afterEach, expect, it } from "vitest";
import { flush } from "../lifecycle/shutdown.ts";
import { RootShell } from "../ssh/root-shell.ts";
import { logInToShell } from "../testing/shell-server.ts";
import { type ShellPort, shellPort } from "../testing/shell-port.ts";
import { runGuestCommand, unpackFromDevice } from "./guest-command.ts";
import type { GuestCommand } from "./profile.ts";

const { signal } = new AbortController();
let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

const command = (script: string): GuestCommand => ({
  ...{ phase: "login", purpose: "do that", failure: "UNSUPPORTED", script },
  command: `echo by a session of its own`,
});

/** A connection whose root shell has been killed, which is not known yet, after it has run a script or before. */
async function withKilledShell(after: "a script" | "no script") {
  const session = await logInToShell({ stack });
  const port: ShellPort = shellPort("exec /bin/sh", stack);
  const shell = RootShell.onPort(port, signal);
  if (after === "a script") await shell.run("echo", { signal });
  port.kill();
  expect(shell.isOpen).toBe(true);
  return { session, shell, signal };
}

it("a command runs in a session of its own if the root shell had ended, as is known late", async () => {
  const connection = await withKilledShell("a script");
  await expect(runGuestCommand(command("echo"), connection)).resolves.toBe("by a session of its own\n");
});

it("so do an unpacking and a flush", async () => {
  const unpacking = await withKilledShell("a script");
  await expect(unpackFromDevice(command("echo"), unpacking)).resolves.toBe("unpacked");
  const flushing = await withKilledShell("a script");
  for (const waits of [true, false]) {
    const flushed = flush({ ...command("echo"), frozen: "by a session of its own", waits }, flushing);
    await expect(flushed).resolves.toMatchObject({ state: "frozen" });
  }
});

it("a shell that has never run anything is GUEST_LOST", async () => {
  const connection = await withKilledShell("no script");
  await expect(runGuestCommand(command("echo"), connection)).rejects.toMatchObject({ code: "GUEST_LOST" });
});

it("a command that has begun is not run again", async () => {
  const session = await logInToShell({ stack });
  const port = shellPort("exec /bin/sh", stack);
  const shell = RootShell.onPort(port, signal);
  await shell.run("echo", { signal });
  const ran = runGuestCommand(command("echo begun >&2; kill -9 $$; sleep 1"), { session, shell, signal });
  await expect(ran).rejects.toMatchObject({ code: "GUEST_LOST" });
});
