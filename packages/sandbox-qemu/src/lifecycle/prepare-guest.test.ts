import { spawn } from "node:child_process";
import { newMachineId } from "@ob/qemu";
import type { ServerChannel } from "ssh2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { linuxGuest } from "../guest/linux/profile.ts";
import type { GuestProfile } from "../guest/profile.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";
import { shellPort } from "../testing/shell-port.ts";
import { RootShell } from "../ssh/root-shell.ts";
import type { PortShell } from "./port-shell.ts";
import { prepareGuest, type PrepareOptions } from "./prepare-guest.ts";

const { signal } = new AbortController();
const machineId = newMachineId();
// They would change the routes and the kernel of this host.
const profile: GuestProfile = { ...linuxGuest("root"), rejectConnections: undefined, tuneKernel: undefined };
const config = {
  accelerator: "kvm",
  directBoot: undefined,
  network: "none",
} as PrepareOptions["vm"]["config"];

let stack = new AsyncDisposableStack();
/** What was run on the machine: its identity, a root shell, or another command. */
let ran: string[] = [];
beforeEach(() => {
  ran = [];
});
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

function kindOf(command: string): string {
  if (command.includes("/sys/block")) return "identity";
  return command.replace(/^\\/, "") === profile.rootShell ? "root shell" : "command";
}

function runHere(command: string, channel: ServerChannel): void {
  const child = spawn("/bin/sh", ["-c", command], { stdio: "pipe" });
  stack.defer(() => void child.kill("SIGKILL"));
  channel.pipe(child.stdin);
  child.stdin.on("error", () => undefined);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.once("close", (code) => {
    channel.exit(code ?? 1);
    channel.end();
  });
}

interface Machine {
  readonly hasOwnLink: boolean;
  /** What it shows as its identity; by default that of the VM. */
  readonly shows?: string;
  /** By default this host's own shell. */
  readonly rootShell?: string;
  /** A root shell that is there already. */
  readonly portShell?: PortShell;
}

/** A session with this host, which runs what it is told and shows an identity. */
async function prepare(
  { hasOwnLink, shows = machineId, rootShell = "exec /bin/sh", portShell }: Machine,
  command = profile.prepare,
) {
  const accepts = newKey();
  const server = stack.use(
    await startServer({
      accepts,
      onExec: (line, channel) => {
        const kind = kindOf(line);
        ran.push(kind);
        if (kind !== "identity") return runHere(kind === "root shell" ? rootShell : line, channel);
        channel.write(`obuilder: the login shell is /bin/shown/bash\n${shows}\n`);
        channel.exit(0);
        channel.end();
      },
    }),
  );
  const keys = [{ kind: "key", label: "k", key: accepts }] as const;
  const session = stack.use(await openSession(await server.connect(), { user: "root", keys, signal }));
  const vm = { id: machineId, hasOwnLink, config };
  const root = await prepareGuest(command, { vm, profile, session, timeoutMs: 120_000, signal, portShell });
  return { ...root, loginShell: session.loginShell };
}

describe("a guest that is logged in to", () => {
  it("over a link of its own runs no command but its root shell, which tells the login shell", async () => {
    const { shell, bootInfo, loginShell } = await prepare({ hasOwnLink: true });
    expect(ran).toEqual(["root shell"]);
    expect(shell?.isOpen).toBe(true);
    expect(bootInfo).toMatch(/^processes: /m);
    expect(loginShell).toMatch(/^\/.*sh$/);
  });

  it("over a link of its own is asked for its login shell if its root does not know the user", async () => {
    const { prepare: command } = linuxGuest("nobody-of-this-name");
    const { shell, loginShell } = await prepare({ hasOwnLink: true }, command);
    expect(ran).toEqual(["root shell", "identity"]);
    expect(shell?.isOpen).toBe(true);
    expect(loginShell).toBe("/bin/shown/bash");
  });

  it("over a link of its own is asked for its login shell before a command is sent to that", async () => {
    const { shell, bootInfo } = await prepare({ hasOwnLink: true, rootShell: "exit 1" });
    expect(ran).toEqual(["root shell", "identity", "command"]);
    expect(shell).toBeUndefined();
    expect(bootInfo).toMatch(/^processes: /m);
  });

  it("runs no command at all where a root shell is there already", async () => {
    const port = shellPort("exec /bin/sh", stack);
    const there = { shell: RootShell.onPort(port, signal), printed: "clock: 1\n" };
    const { shell, bootInfo, loginShell } = await prepare({ hasOwnLink: true, portShell: there });
    expect(ran).toEqual([]);
    expect(shell).toBe(there.shell);
    expect(bootInfo).toMatch(/^clock: 1\nobuilder: the login shell is .*\nprocesses: /);
    expect(loginShell).toMatch(/^\/.*sh$/);
  });

  it("runs its commands one by one where the root shell that was there has ended", async () => {
    const port = shellPort("read -r first", stack);
    const there = { shell: RootShell.onPort(port, signal), printed: "" };
    const { shell, bootInfo } = await prepare({ hasOwnLink: true, portShell: there });
    expect(ran).toEqual(["identity", "command"]);
    expect(shell).toBeUndefined();
    expect(bootInfo).toMatch(/^processes: /m);
  });

  it("opens a root shell where the one that was there has ended before", async () => {
    const there = { shell: RootShell.onPort(shellPort("exit", stack), signal), printed: "" };
    await vi.waitUntil(() => !there.shell.isOpen);
    const { shell } = await prepare({ hasOwnLink: true, portShell: there });
    expect(ran).toEqual(["root shell"]);
    expect(shell?.isOpen).toBe(true);
  });

  it("over the host's network shows its identity first, also where a root shell is there already", async () => {
    const there = { shell: RootShell.onPort(shellPort("exec /bin/sh", stack), signal), printed: "" };
    await prepare({ hasOwnLink: false, portShell: there });
    expect(ran).toEqual(["identity"]);
  });

  it("over the host's network shows its identity first", async () => {
    await prepare({ hasOwnLink: false });
    expect(ran).toEqual(["identity", "root shell"]);
  });

  it("over the host's network does not become root on another machine", async () => {
    const other = prepare({ hasOwnLink: false, shows: newMachineId() });
    await expect(other).rejects.toMatchObject({ code: "WRONG_MACHINE" });
    expect(ran).toEqual(["identity"]);
  });
});
