import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { ObError, type Tty, type Stdio } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { describe, expect, it } from "vitest";
import { newKey, startServer, type TestServerOptions } from "../testing/ssh-server.ts";
import { execInteractive } from "./interactive.ts";
import { openSession, type SshSession } from "./session.ts";

const never = new AbortController().signal;

async function withServer(
  options: TestServerOptions,
  test: (session: SshSession) => Promise<void>,
): Promise<void> {
  const key = newKey();
  await using server = await startServer({ accepts: key, ...options });
  const login = { user: "opam", keys: [{ kind: "key", label: "k", key }] as const, signal: never };
  await using session = await openSession(await server.connect(), login);
  await test(session);
}

function pipes(screen?: Tty): Stdio & Record<"input" | "output" | "errors", PassThrough> {
  return { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough(), tty: screen };
}

async function reply(channel: ServerChannel, code: number): Promise<void> {
  channel.write(`got ${await text(channel)}`);
  channel.stderr.write("on the side");
  channel.exit(code);
  channel.end();
}

describe("a program between pipes", () => {
  it("gets all of the input, and returns output, errors and status", async () => {
    await withServer({ onExec: (_, channel) => void reply(channel, 7) }, async (session) => {
      const terminal = pipes();
      terminal.input.end("the input");
      expect(await execInteractive(session, "a command", { terminal, signal: never })).toBe(7);
      expect(String(terminal.output.read())).toBe("got the input");
      expect(String(terminal.errors.read())).toBe("on the side");
      expect(terminal.output.writable).toBe(true);
    });
  });

  it("ends although a process that it left holds its output, also with a terminal", async () => {
    const onExec = (_: string, channel: ServerChannel): void => {
      channel.write("started\n");
      channel.exit(4);
    };
    const screen: Tty = {
      kind: "xterm",
      size: () => ({ columns: 80, rows: 24 }),
      onResize: () => ({ [Symbol.dispose]: () => undefined }),
    };
    await withServer({ onExec }, async (session) => {
      for (const terminal of [pipes(), pipes(screen)]) {
        expect(await execInteractive(session, undefined, { terminal, signal: never })).toBe(4);
        expect(String(terminal.output.read())).toBe("started\n");
      }
    });
  });

  it("that is killed by a signal returns 128 and its number", async () => {
    const onExec = (_: string, channel: ServerChannel): void => {
      channel.exit("TERM");
      channel.end();
    };
    await withServer({ onExec }, async (session) => {
      expect(await execInteractive(session, "x", { terminal: pipes(), signal: never })).toBe(143);
    });
  });

  it("is abandoned when the signal fires, and the input is released", async () => {
    const controller = new AbortController();
    await withServer({ onExec: () => controller.abort() }, async (session) => {
      const terminal = pipes();
      const running = execInteractive(session, "x", { terminal, signal: controller.signal });
      await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
      expect(terminal.input.listenerCount("data")).toBe(0);
      expect(terminal.input.destroyed).toBe(false);
    });
  });

  it("that is lost with its guest is GUEST_LOST", async () => {
    await withServer({ onExec: (_, __, connection) => connection.end() }, async (session) => {
      const lost = execInteractive(session, "x", { terminal: pipes(), signal: never });
      await expect(lost).rejects.toThrow(ObError);
      await expect(lost).rejects.toMatchObject({ code: "GUEST_LOST" });
    });
  });
});

it("the kind, the size and each resize of a terminal reach the guest", async () => {
  const seen: unknown[] = [];
  const resized = new EventEmitter();
  const size = { columns: 91, rows: 27 };
  const screen: Tty = {
    kind: "xterm-256color",
    size: () => ({ ...size }),
    onResize: (listener) => {
      resized.on("resize", listener);
      return { [Symbol.dispose]: () => void resized.off("resize", listener) };
    },
  };
  const { promise: started, resolve: start } = Promise.withResolvers<ServerChannel>();
  const { promise: changed, resolve: change } = Promise.withResolvers<void>();
  const onScreen: TestServerOptions["onScreen"] = ({ term, cols, rows }) => {
    seen.push([term, cols, rows]);
    if (seen.length === 2) change();
  };
  await withServer({ onExec: (_, channel) => start(channel), onScreen }, async (session) => {
    const shell = execInteractive(session, undefined, { terminal: pipes(screen), signal: never });
    const channel = await started;
    // The client learns of its channel a moment later than the server.
    while (resized.listenerCount("resize") === 0) await new Promise((next) => void setImmediate(next));
    Object.assign(size, { columns: 103, rows: 31 });
    resized.emit("resize");
    await changed;
    channel.exit(0);
    channel.end();
    expect(await shell).toBe(0);
  });
  expect(seen).toEqual([
    ["xterm-256color", 91, 27],
    [undefined, 103, 31],
  ]);
  expect(resized.listenerCount("resize")).toBe(0);
});
