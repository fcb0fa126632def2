import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { GuestCommand } from "../guest/profile.ts";
import { shellPort } from "../testing/shell-port.ts";
import { preparePortShell, type PreparePortShellOptions } from "./port-shell.ts";

const { signal } = new AbortController();
let stack: AsyncDisposableStack;
let failed: AbortController;
let lost: AbortController;
beforeEach(() => {
  stack = new AsyncDisposableStack();
  failed = new AbortController();
  lost = new AbortController();
});
afterEach(async () => {
  vi.useRealTimers();
  await stack.disposeAsync();
});

const runs = (script: string): GuestCommand => ({
  ...{ phase: "login", purpose: "do that", command: "false", script, failure: "UNSUPPORTED" },
});

const never = new Promise<void>(() => undefined);

interface Given extends Partial<PreparePortShellOptions> {
  readonly program?: string;
  readonly opened?: Promise<void>;
}

/** Shells of this host on the ports of a VM. */
function prepare({ program = "exec /bin/sh", opened = Promise.resolve(), ...options }: Given) {
  const rootShellPort = { ...shellPort(program, stack), opened };
  const vm = { rootShellPort, failed: failed.signal };
  return preparePortShell(vm, { commands: [], mustBeInTime: false, signal, ...options });
}

it("runs its commands before the login, and tells what they printed", async () => {
  const loggedIn = prepare({ commands: [runs("echo one; echo no >&2"), runs("echo two; cd /tmp")] });
  const prepared = await loggedIn(lost.signal);
  expect(prepared?.printed).toBe("one\ntwo\n");
  await expect(prepared?.shell.run("echo three", { signal })).resolves.toMatchObject({ stdout: "three\n" });
});

it("waits for a shell that starts later", async () => {
  const loggedIn = prepare({ program: "sleep 0.3; exec /bin/sh", commands: [runs("echo late")] });
  await expect(loggedIn(lost.signal)).resolves.toMatchObject({ printed: "late\n" });
});

it("needs no word of QEMU that the port was opened where the shell answers", async () => {
  const loggedIn = prepare({ opened: never, commands: [runs("echo here")], mustBeInTime: true });
  await expect(loggedIn(lost.signal)).resolves.toMatchObject({ printed: "here\n" });
});

it("ends with the connection, and with the VM", async () => {
  for (const end of [lost, failed]) {
    const prepared = await prepare({})(lost.signal);
    expect(prepared?.shell.isOpen).toBe(true);
    end.abort(new Error("gone"));
    expect(prepared?.shell.isOpen).toBe(false);
    lost = new AbortController();
  }
});

it("is not there without a port", async () => {
  const loggedIn = preparePortShell(
    { rootShellPort: undefined, failed: failed.signal },
    { commands: [], mustBeInTime: true, signal },
  );
  await expect(loggedIn(lost.signal)).resolves.toBeUndefined();
});

it("is not there if the guest does not open the port", async () => {
  vi.useFakeTimers();
  const loggedIn = prepare({ program: "exec sleep 1000", opened: never, mustBeInTime: true })(lost.signal);
  const [prepared] = await Promise.all([loggedIn, vi.advanceTimersByTimeAsync(2_000)]);
  expect(prepared).toBeUndefined();
});

it("is not there if the shell ends", async () => {
  await expect(prepare({ program: "exit 0", mustBeInTime: true })(lost.signal)).resolves.toBeUndefined();
});

it("is not there if it does not answer, but an error if its commands must not run late", async () => {
  vi.useFakeTimers();
  const silent = async (mustBeInTime: boolean): Promise<unknown> => {
    const loggedIn = prepare({ program: "exec sleep 1000", mustBeInTime })(lost.signal);
    const [result] = await Promise.allSettled([loggedIn, vi.advanceTimersByTimeAsync(40_000)]);
    return result.status === "fulfilled" ? result.value : result.reason;
  };
  await expect(silent(false)).resolves.toBeUndefined();
  await expect(silent(true)).resolves.toMatchObject({ code: "GUEST_LOST" });
});

it("fails with the error of a command, and is closed", async () => {
  const loggedIn = prepare({ commands: [runs("echo 'not here' >&2; exit 3")] });
  await expect(loggedIn(lost.signal)).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: "The guest could not do that: not here",
  });
});

it("is over when the caller cancels", async () => {
  const caller = new AbortController();
  const loggedIn = prepare({ program: "exec sleep 1000", signal: caller.signal })(lost.signal);
  caller.abort();
  await expect(loggedIn).rejects.toMatchObject({ code: "CANCELLED" });
});
