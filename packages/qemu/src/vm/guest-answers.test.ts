import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noopEmit, ObError } from "@ob/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { amd64 } from "../machine/amd64.ts";
import { fakeQemu } from "../testing/fake-qemu.ts";
import { Vm } from "./vm.ts";

afterEach(() => vi.unstubAllEnvs());

/** A VM whose guest is a server in this process, which answers the first `answers` connections. */
async function withGuest(
  answers: number,
  test: (vm: Vm, asked: () => number) => Promise<void>,
): Promise<void> {
  let asked = 0;
  await using server = createServer((socket) => {
    asked += 1;
    socket.on("error", () => undefined).resume();
    if (asked <= answers) socket.end("the guest\r\n");
    else socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using fake = await fakeQemu(`speakQmp({ port: ${port}, on: { cont: () => process.exit(3) } });`);
  vi.stubEnv("PATH", fake.path);
  await using directory = await mkdtempDisposable(join(tmpdir(), "vm-test-"));
  const machine = { machine: amd64, accelerator: "tcg", memoryMib: 64, cpus: 1, hardware: {} } as const;
  const disks = { rootDisk: "/no/such/disk.qcow2", disks: [], directBoot: undefined };
  await using vm = await Vm.start(
    { ...machine, ...disks, network: "slirp", guestPort: 22 },
    {
      ...{ stateDirectory: directory.path, greeting: "the client\r\n" },
      ...{ signal: new AbortController().signal, emit: noopEmit },
    },
  );
  await test(vm, () => asked);
}

const lost = new ObError("GUEST_LOST", "The connection was lost.", { hint: "Look." });

describe("a guest whose connection was lost", () => {
  it("runs on if it answers twice: that is said at once, however long QEMU might take to exit", async () => {
    await withGuest(2, async (vm, asked) => {
      await expect(vm.explainFailure(lost, { within: 3_600_000 })).resolves.toMatchObject({
        ...{ code: "GUEST_LOST", hint: "Look.", cause: lost },
        message: "The connection was lost. The guest runs on: it answers new connections.",
      });
      expect(asked()).toBe(2);
    });
  });

  it("does not run on if it answers only once, and is lost when its QEMU has exited", async () => {
    await withGuest(1, async (vm) => {
      const explained = vm.explainFailure(lost, { within: 3_600_000 });
      await vm.qmp.execute("cont", { signal: new AbortController().signal }).catch(() => undefined);
      await expect(explained).resolves.toMatchObject({ message: expect.stringContaining("exit status 3") });
    });
  });

  it("is explained by the lost connection itself if it neither answers nor ends", async () => {
    await withGuest(0, async (vm) => {
      await expect(vm.explainFailure(lost, { within: 100 })).resolves.toBe(lost);
    });
  });
});
