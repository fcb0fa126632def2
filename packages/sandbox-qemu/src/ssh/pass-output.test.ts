import { Readable } from "node:stream";
import type { Connection, ServerChannel } from "ssh2";
import { testTime } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newKey, startServer } from "../testing/ssh-server.ts";
import { execute } from "./exec.ts";
import { openSession, type SshSession } from "./session.ts";

const never = new AbortController().signal;
const piece = Buffer.alloc(32_768, "y\n");
const mebibyte = 2 ** 20;

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(async () => {
  await stack.disposeAsync();
});

async function withServer(
  onExec: (channel: ServerChannel, connection: Connection) => void,
): Promise<SshSession> {
  const key = newKey();
  const server = stack.use(
    await startServer({
      accepts: key,
      onExec: (_command, channel, connection) => onExec(channel, connection),
    }),
  );
  const keys = [{ kind: "key", label: "k", key }] as const;
  return stack.use(await openSession(await server.connect(), { user: "opam", keys, signal: never }));
}

/** A command that prints without end, or so many bytes on standard output and exits with 0. */
function flood(channel: ServerChannel, length = Infinity, bytes = piece) {
  let sent = 0;
  const source = new Readable({
    read() {
      // The server is in this process: it must not keep the event loop for itself.
      setImmediate(() => {
        this.push(sent < length ? bytes : null);
        sent += bytes.length;
      });
    },
  });
  source.once("end", () => {
    channel.exit(0);
    channel.end();
  });
  source.pipe(channel, { end: false });
  stack.defer(() => void source.destroy());
  return { sent: () => sent };
}

describe("output that is not taken", () => {
  it("makes the command wait, and arrives whole when it is", async () => {
    const length = 24 * mebibyte;
    let [sent, got] = [() => 0, 0];
    const session = await withServer((channel) => {
      ({ sent } = flood(channel, length));
    });
    const taken = Promise.withResolvers<void>();
    const running = execute(session, "x", {
      signal: never,
      onStdout: (bytes) => {
        got += bytes.length;
        return got === bytes.length ? taken.promise : undefined;
      },
    });
    await vi.waitFor(() => expect(sent()).toBeGreaterThan(2 * mebibyte), testTime(20_000));
    const before = sent();
    // Ten turns in which nothing arrives: the window is full.
    for (let turns = 0, last = -1; turns < 10; turns = sent() === last ? turns + 1 : 0) {
      last = sent();
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
    expect(sent() - before).toBeLessThan(8 * mebibyte);
    expect(got).toBe(piece.length);
    taken.resolve();
    await expect(running).resolves.toEqual({ kind: "exited", code: 0 });
    expect(got).toBe(length);
  });

  it("holds up the other stream too", async () => {
    const order: string[] = [];
    const server = Promise.withResolvers<ServerChannel>();
    const session = await withServer((channel) => {
      channel.stderr.write("first");
      server.resolve(channel);
    });
    await execute(session, "x", {
      signal: never,
      onStderr: async () => {
        const channel = await server.promise;
        channel.write("second");
        channel.exit(0);
        channel.end();
        await new Promise((resolve) => void setTimeout(resolve, 200));
        order.push("taken");
      },
      onStdout: (bytes) => void order.push(Buffer.from(bytes).toString()),
    });
    expect(order).toEqual(["taken", "second"]);
  });

  it("ends the command with the error of who was to take it", async () => {
    const session = await withServer((channel) => void flood(channel));
    const full = new Error("The log cannot be written.");
    const running = execute(session, "x", { signal: never, onStdout: () => Promise.reject(full) });
    await expect(running).rejects.toMatchObject({
      code: "STEP_FAILED",
      message: "The output of the command was not taken: The log cannot be written.",
      cause: full,
    });
  });

  it("does not delay the end of a command that is cancelled", async () => {
    const controller = new AbortController();
    const session = await withServer((channel) => void flood(channel));
    const running = execute(session, "x", {
      signal: controller.signal,
      onStdout: () => {
        setTimeout(() => controller.abort(), 50);
        return new Promise(() => undefined);
      },
    });
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("is GUEST_LOST if the server sends more than it was granted", async () => {
    const session = await withServer((channel) => {
      // As if the client had granted all of it. A window that is used up exactly makes ssh2 drop the rest.
      Reflect.set(Object(Reflect.get(channel, "outgoing")), "window", 2 ** 31);
      flood(channel, Infinity, piece.subarray(1));
    });
    const running = execute(session, "x", { signal: never, onStdout: () => new Promise(() => undefined) });
    await expect(running).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: "The guest's SSH server sent more output than it was granted.",
    });
  });
});

it("input waits for a server that grants more than any, and reads nothing", async () => {
  const session = await withServer((channel, connection) => {
    const { id } = Object(Reflect.get(channel, "outgoing"));
    for (let grants = 0; grants < 100; grants++) {
      Object(Reflect.get(connection, "_protocol")).channelWindowAdjust(id, 2 ** 24);
    }
    Object(Reflect.get(connection, "_sock")).pause();
  });
  let sent = 0;
  const input = new Readable({
    read() {
      setImmediate(() => {
        sent += piece.length;
        this.push(piece);
      });
    },
  });
  const controller = new AbortController();
  const running = execute(session, "x", { signal: controller.signal, input });
  const got = () => sent;
  await vi.waitFor(() => expect(got()).toBeGreaterThan(0), testTime(20_000));
  // Until nothing is sent for a while, in which a hundred pieces would be.
  for (let last = -1; last !== got() && got() < 64 * mebibyte;) {
    last = got();
    await new Promise((resolve) => void setTimeout(resolve, 300));
  }
  controller.abort();
  await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  // What the system keeps for both sockets, and what is granted to a stream.
  expect(sent).toBeLessThan(32 * mebibyte);
});

it("a turn of the event loop deals with output for a short time", async () => {
  const session = await withServer((channel) => void flood(channel, 8 * mebibyte));
  let [inTurn, most] = [0, 0];
  const count = (): void => {
    inTurn = 0;
    if (!isOver) setImmediate(count);
  };
  let isOver = false;
  setImmediate(count);
  stack.defer(() => {
    isOver = true;
  });
  await execute(session, "x", {
    signal: never,
    onStdout: () => {
      most = Math.max(most, ++inTurn);
      const end = performance.now() + 5;
      while (performance.now() < end);
    },
  });
  // 20 ms are four pieces; without the limit a turn has all that has arrived, which is a megabyte and more.
  expect(most).toBeLessThanOrEqual(5);
});
