import { connect } from "node:net";
import { amd64, newMachineId, type Vm } from "@ob/qemu";
import { noopEmit, ObError } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { linuxGuest } from "../guest/linux/profile.ts";
import { capture } from "../ssh/exec.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";
import { GuestRestarts, type RestartedGuest, type RestartTimes } from "./guest-restarts.ts";

type Listener = Parameters<Vm["onEvent"]>[0];

interface Bench {
  readonly restarts: GuestRestarts;
  readonly running: GuestSession;
  /** What QEMU was told, in order. */
  readonly told: readonly string[];
  /** Resets the machine as its guest does, `by` the guest unless something else is said. */
  reset(by?: { readonly guest: boolean }): void;
  /** The machine at the other end says that it is this one from now on. */
  becomes(machineId: string): void;
  fail(error: ObError): void;
}

const failed = new ObError("STEP_FAILED", "The command failed with exit status 1.", { exitCode: 1 });
const terminated = new ObError("STEP_FAILED", "The command was ended by signal SIGTERM.");
const fast: RestartTimes = { toBegin: 50, toStayUp: 50, betweenResets: 0 };

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(async () => await stack.disposeAsync());

/** A VM that is only simulated, whose guest is an SSH server in this process. */
async function bench(times: Partial<RestartTimes> = {}, bootTimeSeconds = 20): Promise<Bench> {
  const id = newMachineId();
  let answer = id;
  const accepts = newKey();
  const server = stack.use(
    await startServer({
      accepts,
      onExec: (_command, channel) => {
        channel.write(`${answer}\n`);
        channel.exit(0);
        channel.end();
      },
    }),
  );
  const listeners = new Set<Listener>();
  const told: string[] = [];
  const failure = new AbortController();
  const vm: Partial<Record<keyof Vm, unknown>> = {
    id,
    connect: () => connect(server.port, "127.0.0.1"),
    failed: failure.signal,
    config: { machine: amd64, accelerator: "kvm", network: "host" },
    console: { onMatch: () => ({ [Symbol.dispose]: () => undefined }) },
    consoleParagraph: () => "",
    onEvent: (listener: Listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    setRebootAction: (action: string) => Promise.resolve(void told.push(action)),
    qmp: { execute: (command: string) => Promise.resolve(void told.push(command)) },
  };
  const { signal } = new AbortController();
  const profile = { ...linuxGuest("opam"), rootShell: undefined, tuneKernel: undefined, prepare };
  const keys = [{ kind: "key", label: "k", key: accepts }] as const;
  const login = { sshReadyPattern: profile.sshReadyPattern, user: "opam", keys, bootTimeSeconds };
  const running = {
    ...{ vm, profile, login, guest: { readyMarker: false }, shell: undefined, bootInfo: "first" },
    session: stack.use(await openSession(await server.connect(), { user: "opam", keys, signal })),
    signal: AbortSignal.any([signal, failure.signal]),
  } as unknown as GuestSession;
  const options = { signal, emit: noopEmit, stack, times: { ...fast, ...times } };
  return {
    restarts: stack.use(await GuestRestarts.allow(running, options)),
    running,
    told,
    reset: (data = { guest: true }) => {
      for (const listener of listeners) listener({ name: "RESET", data });
    },
    becomes: (other) => {
      answer = other;
    },
    fail: (error) => failure.abort(error),
  };
}

const prepare = {
  phase: "login",
  purpose: "become root",
  command: "prepare",
  failure: "LOGIN_FAILED",
} as const;

/** Ends the step; resolves with the guests in which that was done. */
async function end({ restarts }: Bench): Promise<readonly (RestartedGuest | undefined)[]> {
  const guests: (RestartedGuest | undefined)[] = [];
  await restarts.afterwards(async (guest) => {
    guests.push(guest);
    if (guest) await capture(guest.session, "true", { signal: restarts.restarted });
  });
  return guests;
}

describe("the command of a step whose guest may restart", () => {
  it("may end without a restart: nothing is done again", async () => {
    const vm = await bench();
    await vm.restarts.command(async () => await Promise.resolve());
    await expect(end(vm)).resolves.toEqual([undefined]);
    expect(vm.told).toEqual(["reset"]);
  });

  it("may ask for a restart and end: the step goes on in the guest that is back, by a new connection", async () => {
    const vm = await bench({ toBegin: 20_000 });
    await vm.restarts.command(async () => {
      setTimeout(() => vm.reset(), 20);
      await Promise.resolve();
    });
    const [guest, ...others] = await end(vm);
    expect(others).toEqual([]);
    expect(guest?.bootInfo).toContain("obuilder-");
    expect(guest?.session).not.toBe(vm.running.session);
    expect(vm.running.session.lost.aborted).toBe(true);
  });

  it("may be ended by the restart: by a signal, or with the connection", async () => {
    for (const error of [terminated, new ObError("GUEST_LOST", "closed")]) {
      const vm = await bench({ toBegin: 20_000 });
      setTimeout(() => vm.reset(), 20);
      await vm.restarts.command(async () => await Promise.reject(error));
      await expect(end(vm)).resolves.toHaveLength(1);
    }
  });

  it("that waits is ended by a machine that is reset without a shutdown", async () => {
    const vm = await bench();
    const waiting = vm.restarts.command(
      async () =>
        await new Promise((_resolve, reject) => {
          const { restarted } = vm.restarts;
          restarted.addEventListener("abort", () => reject(restarted.reason));
        }),
    );
    vm.reset();
    await waiting;
    await expect(end(vm)).resolves.toEqual([expect.objectContaining({ shell: undefined })]);
  });

  it("that fails by itself fails the step at once, also if the guest would restart later", async () => {
    const vm = await bench({ toBegin: 20_000 });
    await expect(vm.restarts.command(async () => await Promise.reject(failed))).rejects.toBe(failed);
  });

  it("that a signal ends without a restart fails the step", async () => {
    const vm = await bench();
    await expect(vm.restarts.command(async () => await Promise.reject(terminated))).rejects.toBe(terminated);
  });

  it("is not excused by a reset that the guest has not asked for", async () => {
    const vm = await bench();
    setTimeout(() => vm.reset({ guest: false }), 10);
    await expect(vm.restarts.command(async () => await Promise.reject(terminated))).rejects.toBe(terminated);
  });

  it("that loses its connection without a restart is GUEST_LOST", async () => {
    const vm = await bench({ toBegin: 20_000 }, 0.05);
    vm.running.session.client.destroy();
    await expect(
      vm.restarts.command(async () => await Promise.reject(new ObError("GUEST_LOST", "closed"))),
    ).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: expect.stringMatching(/connection to the guest was lost.*did not restart within 0.05 s/),
    });
  });

  it("is GUEST_LOST at once if the VM fails", async () => {
    const vm = await bench({ toBegin: 20_000 });
    const off = new ObError("GUEST_LOST", "QEMU ended with exit status 0: the guest shut down.");
    const running = vm.restarts.command(async () => await Promise.resolve());
    vm.fail(off);
    await expect(running).rejects.toBe(off);
  });
});

describe("a guest that restarts", () => {
  it("while its step ends has the rest done again when it is back", async () => {
    const vm = await bench({ toBegin: 20_000 });
    const done: string[] = [];
    await vm.restarts.afterwards(async (guest) => {
      done.push(guest ? "again" : "first");
      if (guest) return;
      setTimeout(() => vm.reset(), 20);
      throw new ObError("UNCLEAN_STOP", "The guest could not put everything on the disk: shutting down");
    });
    expect(done).toEqual(["first", "again"]);
  });

  it("again soon after a login is waited for again", async () => {
    const vm = await bench({ toStayUp: 400 });
    vm.reset();
    setTimeout(() => vm.reset(), 200);
    const guests = await end(vm);
    expect(guests).toHaveLength(1);
    expect(guests[0]?.session.lost.aborted).toBe(false);
  });

  it("is reset several times in one restart", async () => {
    const vm = await bench({ betweenResets: 20_000, toStayUp: 1 });
    for (let i = 0; i < 100; i++) vm.reset();
    await expect(end(vm)).resolves.toHaveLength(1);
  });

  it("too often is GUEST_LOST", async () => {
    const vm = await bench();
    for (let i = 0; i < 17; i++) vm.reset();
    await expect(end(vm)).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: expect.stringContaining("restarted more than 16 times in this step"),
    });
  });

  it("and comes back as another machine is WRONG_MACHINE, and nothing is run there", async () => {
    const vm = await bench();
    vm.reset();
    vm.becomes(newMachineId());
    await expect(end(vm)).rejects.toMatchObject({
      code: "WRONG_MACHINE",
      message: expect.stringContaining("After its restart the guest did not come back. Another virtual"),
    });
  });

  it("may not restart any more once its disk is flushed and it is stopped", async () => {
    const vm = await bench();
    const { signal } = new AbortController();
    await vm.restarts.forbid("frozen", signal);
    expect(vm.told).toEqual(["reset", "stop", "shutdown"]);
  });

  it("during the flush may have written since: it is let go on, and flushed again", async () => {
    const vm = await bench();
    const { signal } = new AbortController();
    vm.reset();
    await expect(vm.restarts.forbid("frozen", signal)).rejects.toMatchObject({ code: "GUEST_LOST" });
    expect(vm.told).toEqual(["reset", "stop", "shutdown", "reset", "cont"]);
  });
});
