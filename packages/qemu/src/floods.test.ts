import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { measureFlood, startTestProcess, testTime } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { SerialConsole } from "./process/serial-console.ts";
import { QmpClient } from "./qmp/client.ts";

const script = join(import.meta.dirname, "testing/flooding-qemu.ts");
const mebibyte = 2 ** 20;

/** How long a flood is watched, in milliseconds. */
const duration = 1_500;

/** A socket that another process writes to without end. */
async function floodedSocket(stack: AsyncDisposableStack, kind: string): Promise<Socket> {
  const { path: directory } = stack.use(await mkdtempDisposable(join(tmpdir(), "flood-")));
  const server = createServer({ pauseOnConnect: true }).listen(join(directory, "s"));
  stack.defer(() => void server.close());
  await once(server, "listening");
  stack.use(startTestProcess(script, [join(directory, "s"), kind]));
  const [socket] = (await once(server, "connection")) as [Socket];
  stack.defer(() => void socket.destroy());
  return socket;
}

function watchConsole(socket: Socket): () => number {
  const watched = new SerialConsole(socket, { panic: /^.*Kernel panic.*$/m, onPanic: () => undefined });
  let length = 0;
  watched.onOutput((text) => {
    length += text.length;
  });
  watched.onMatch(/obuilder: ready/, () => undefined);
  return () => length;
}

function watchMonitor(socket: Socket): () => number {
  let events = 0;
  const client = new QmpClient(socket, () => {
    events += 1;
  });
  void client;
  return () => events;
}

describe("a guest that floods what its host reads of it", () => {
  it.each([
    ["events of the monitor", watchMonitor],
    ["lines of a console", watchConsole],
    ["one line of a console", watchConsole],
  ] as const)(
    "stalls nothing and fills no memory: %s",
    { timeout: testTime(60_000) },
    async (kind, watch) => {
      await using stack = new AsyncDisposableStack();
      const socket = await floodedSocket(stack, kind);
      const seen = watch(socket);
      socket.resume();
      const { stall, allowed, growth } = await measureFlood(async () => await sleep(duration));
      expect(seen()).toBeGreaterThan(1_000);
      expect(stall).toBeLessThan(allowed);
      expect(growth).toBeLessThan(100 * mebibyte);
    },
  );
});
