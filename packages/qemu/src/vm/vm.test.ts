import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { findProgram, ObError, noopEmit } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { VmConfig } from "../argv/qemu-argv.ts";
import { amd64 } from "../machine/amd64.ts";
import { fakeQemu } from "../testing/fake-qemu.ts";
import { Vm } from "./vm.ts";

const config: VmConfig = {
  machine: amd64,
  accelerator: "tcg",
  memoryMib: 64,
  cpus: 1,
  rootDisk: "/no/such/disk.qcow2",
  disks: [],
  network: "none",
  guestPort: 22,
  directBoot: undefined,
  hardware: {},
};
let stateDirectory: string;
let cancel: AbortController;

beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "vm-test-"));
  cancel = new AbortController();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(stateDirectory, { recursive: true });
});

const options = () => ({
  stateDirectory,
  panic: /^.*Kernel panic - not syncing.*$/m,
  signal: cancel.signal,
  emit: noopEmit,
});
const start = async (): Promise<Vm> => await Vm.start(config, options());
const runDirectories = async (): Promise<string[]> => await readdir(join(stateDirectory, "run"));

/** A VM on a program in place of QEMU. */
async function withFake(
  body: string,
  test: (vm: Vm) => Promise<void>,
  more: Partial<VmConfig> = {},
): Promise<void> {
  await using fake = await fakeQemu(body);
  vi.stubEnv("PATH", fake.path);
  await using vm = await Vm.start({ ...config, ...more }, options());
  await test(vm);
}

/** Why a VM has failed; waits until it has. */
async function failureOf(vm: Vm): Promise<unknown> {
  return await vm.explainFailure(new Error("has not failed"));
}

/** Triggers the `cont` handler of the fake, after the start. */
async function trigger(vm: Vm): Promise<void> {
  await vm.qmp.execute("cont", { signal: cancel.signal }).catch(() => undefined);
}

/** A fake that says of the port of the root shell what it is asked to, and passes on what comes there to the port of its errors. */
const withPort = `
  const port = new net.Socket({ fd: 8 }), errors = new net.Socket({ fd: 9 });
  port.on("data", (bytes) => errors.write(bytes));
  const change = (open, id = "root-shell") => (say) => void say({ event: "VSERPORT_CHANGE", data: { id, open } });
  speakQmp({ on: {
    cont: change(true), stop: change(false),
    system_reset: change(false, "root-shell-errors"), system_wakeup: () => void port.write("answer"),
  } });`;

describe("the port of a root shell", () => {
  const say = async (vm: Vm, command: string): Promise<void> =>
    void (await vm.qmp.execute(command, { signal: cancel.signal }));
  const test = async (body: (vm: Vm, port: NonNullable<Vm["rootShellPort"]>) => Promise<void>) =>
    await withFake(
      withPort,
      async (vm) => {
        if (!vm.rootShellPort) throw new TypeError("there is no port");
        await body(vm, vm.rootShellPort);
      },
      { rootShellPort: true },
    );

  it("is there only if it was asked for", async () => {
    await withFake("speakQmp();", async (vm) => {
      expect(vm.rootShellPort).toBeUndefined();
      await Promise.resolve();
    });
  });

  it("leads to QEMU and back until the guest closes it", async () => {
    await test(async (vm, { shell, errors, opened }) => {
      shell.write("hello");
      const [bytes] = (await once(errors, "data")) as [Buffer];
      expect(bytes.toString()).toBe("hello");
      await say(vm, "cont");
      await expect(opened).resolves.toBeUndefined();
      await say(vm, "system_reset");
      expect(shell.destroyed).toBe(false);
      await say(vm, "stop");
      expect(shell.destroyed).toBe(true);
      expect(errors.destroyed).toBe(true);
    });
  });

  it("stays when QEMU says that it has not been opened yet", async () => {
    await test(async (vm, { shell }) => {
      await say(vm, "stop");
      expect(shell.destroyed).toBe(false);
    });
  });

  it("is closed even if QEMU has left out that it was opened", async () => {
    await test(async (vm, { shell }) => {
      const answered = once(shell, "data");
      await say(vm, "system_wakeup");
      await answered;
      await say(vm, "stop");
      expect(shell.destroyed).toBe(true);
    });
  });
});

describe("a VM", () => {
  it("leads to the guest by the port that QEMU says, and leaves no files when it is disposed of", async () => {
    await using server = createServer((socket) => void socket.end("the guest")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using fake = await fakeQemu(`speakQmp({ port: ${port} });`);
    vi.stubEnv("PATH", fake.path);
    {
      await using vm = await Vm.start({ ...config, network: "slirp" }, options());
      await expect(text(vm.connect())).resolves.toBe("the guest");
      await expect(runDirectories()).resolves.toHaveLength(1);
    }
    await expect(runDirectories()).resolves.toEqual([]);
  });

  it("is lost when QEMU sends to a network what are not frames", async () => {
    await withFake(
      `const network = new net.Socket({ fd: 7 });
       speakQmp({ on: { cont: () => void network.write(Buffer.alloc(8, 0xff)) } });`,
      async (vm) => {
        await trigger(vm);
        await expect(failureOf(vm)).resolves.toMatchObject({
          code: "GUEST_LOST",
          message: expect.stringContaining("network"),
        });
      },
    );
  });

  it("that QEMU does not start is BOOT_FAILED with QEMU's own message", async () => {
    await using fake = await fakeQemu(
      `console.error("qemu: warning: nothing"); console.error("qemu: no such disk"); process.exit(1);`,
    );
    vi.stubEnv("PATH", fake.path);
    await expect(start()).rejects.toMatchObject({
      code: "BOOT_FAILED",
      message: "The guest did not start. QEMU ended with exit status 1.\nqemu: no such disk",
    });
    await expect(runDirectories()).resolves.toEqual([]);
  });

  it("needs QEMU installed", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    await expect(start()).rejects.toMatchObject({
      code: "MISSING_TOOL",
      hint: expect.stringContaining("apt"),
    });
    await expect(runDirectories()).resolves.toEqual([]);
  });

  it("can be cancelled before QEMU answers", async () => {
    await using fake = await fakeQemu("setInterval(() => undefined, 1000);");
    vi.stubEnv("PATH", fake.path);
    const starting = start();
    cancel.abort();
    await expect(starting).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(runDirectories()).resolves.toEqual([]);
  });

  it("fails when QEMU exits, with the last lines of the console", async () => {
    await withFake(
      `toConsole("booting\\r\\noops: that went wrong\\r\\n");
       speakQmp({ on: { cont: () => process.exit(3) } });`,
      async (vm) => {
        await trigger(vm);
        await expect(failureOf(vm)).resolves.toMatchObject({
          code: "GUEST_LOST",
          message: expect.stringMatching(/exit status 3.*oops: that went wrong$/s),
        });
      },
    );
  });

  it("fails by a kernel panic on the console", async () => {
    await withFake(
      `speakQmp({ on: { cont: () => toConsole("[1.0] Kernel panic - not syncing: no init\\r\\n") } });`,
      async (vm) => {
        await trigger(vm);
        const failure = await failureOf(vm);
        expect(failure).toMatchObject({ code: "GUEST_LOST" });
        expect(String(failure)).toContain(
          "The guest's kernel panicked: [1.0] Kernel panic - not syncing: no init",
        );
      },
    );
  });

  it("fails by a panic that QEMU reports", async () => {
    await withFake(
      `const cont = (say) => {
         say({ event: "GUEST_PANICKED", data: { action: "shutdown" } });
         say({ event: "SHUTDOWN", data: { guest: true, reason: "guest-panic" } });
         setTimeout(() => process.exit(0), 50);
       };
       speakQmp({ on: { cont } });`,
      async (vm) => {
        await trigger(vm);
        await expect(failureOf(vm)).resolves.toMatchObject({
          message: expect.stringContaining("the guest's kernel panicked"),
        });
      },
    );
  });

  it("fails when its guest restarts, and says so in the data of its error", async () => {
    await withFake(
      `const cont = (say) => {
         say({ event: "SHUTDOWN", data: { guest: true, reason: "guest-reset" } });
         setTimeout(() => process.exit(0), 50);
       };
       speakQmp({ on: { cont } });`,
      async (vm) => {
        await trigger(vm);
        await expect(failureOf(vm)).resolves.toMatchObject({
          code: "GUEST_LOST",
          message: expect.stringContaining("the guest rebooted"),
          data: { shutdown: "guest-reset" },
        });
      },
    );
  });

  it("can let its guest restart: the console is then searched anew", async () => {
    await withFake(
      `toConsole("ready\\n");
       let reboot = "shutdown";
       const cont = (say) => {
         if (reboot !== "reset") process.exit(0);
         say({ event: "RESET", data: { guest: true, reason: "guest-reset" } });
       };
       speakQmp({ on: { cont, "set-action": (say, args) => { reboot = args.reboot; return {}; } } });`,
      async (vm) => {
        await vm.console.waitFor(/ready/, cancel.signal);
        await vm.setRebootAction("reset", cancel.signal);
        const { promise: reset, resolve } = Promise.withResolvers<unknown>();
        using _ = vm.onEvent(({ name, data }) => name === "RESET" && resolve(data["guest"]));
        await trigger(vm);
        await expect(reset).resolves.toBe(true);
        expect(vm.failed.aborted).toBe(false);
        let seen = false;
        vm.console.onMatch(/ready/, () => (seen = true));
        await vm.setRebootAction("shutdown", cancel.signal);
        expect(seen).toBe(false);
      },
    );
  });

  it("fails if the host's disk is full", async () => {
    await withFake(
      `const data = { "node-name": "disk0", operation: "write", action: "stop", nospace: true, reason: "x" };
       speakQmp({ on: { cont: (say) => say({ event: "BLOCK_IO_ERROR", data }) } });`,
      async (vm) => {
        await trigger(vm);
        await expect(failureOf(vm)).resolves.toMatchObject({ code: "NO_SPACE" });
      },
    );
  });

  it("fails if a disk cannot be read", async () => {
    await withFake(
      `const data = { "node-name": "disk0", operation: "read", action: "stop", nospace: false, reason: "Input/output error" };
       speakQmp({ on: { cont: (say) => say({ event: "BLOCK_IO_ERROR", data }) } });`,
      async (vm) => {
        await trigger(vm);
        await expect(failureOf(vm)).resolves.toMatchObject({
          code: "GUEST_LOST",
          message: expect.stringContaining("could not read the disk disk0: Input/output error"),
        });
      },
    );
  });

  it("that is expected to exit does not fail by that", async () => {
    await withFake("speakQmp();", async (vm) => {
      vm.expectExit();
      await vm.qmp.execute("quit", { signal: cancel.signal });
      await expect(vm.exited).resolves.toMatchObject({ clean: true });
      expect(vm.failed.aborted).toBe(false);
    });
  });

  it("explains an error without a failure by that error itself", async () => {
    await withFake("speakQmp();", async (vm) => {
      const error = new ObError("GUEST_LOST", "only the connection");
      await expect(vm.explainFailure(error, { within: 50 })).resolves.toBe(error);
    });
  });
});

describe.skipIf((await findProgram("qemu-system-x86_64")) === undefined)("with the real QEMU", () => {
  it("reports QEMU's message about a disk that is not qcow2", async () => {
    const one = await Vm.start({ ...config, rootDisk: import.meta.filename }, options()).catch(
      (error: unknown) => error,
    );
    expect(one).toMatchObject({
      code: "BOOT_FAILED",
      message: expect.stringContaining("not in qcow2 format"),
    });
  });
});
