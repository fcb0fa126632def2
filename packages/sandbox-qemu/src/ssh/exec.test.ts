import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { ObError, sha256 } from "@ob/core";
import type { Connection, ServerChannel } from "ssh2";
import { testTime } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { newKey, startServer } from "../testing/ssh-server.ts";
import { statusText } from "./command.ts";
import { capture, execute } from "./exec.ts";
import { openSession, type SshSession } from "./session.ts";

const never = new AbortController().signal;

type OnExec = (command: string, channel: ServerChannel, connection: Connection) => void;

/** Runs a test with a session on a server that handles commands with `onExec`. */
async function withServer(onExec: OnExec, test: (session: SshSession) => Promise<void>): Promise<void> {
  const key = newKey();
  await using server = await startServer({ accepts: key, onExec });
  const login = { user: "opam", keys: [{ kind: "key", label: "k", key }] as const, signal: never };
  await using session = await openSession(await server.connect(), login);
  await test(session);
}

function end(channel: ServerChannel, code: number): void {
  channel.exit(code);
  channel.end();
}

describe("a command in the guest", () => {
  it("ends with its status", async () => {
    await withServer(
      (command, channel) => end(channel, Number(command)),
      async (session) => {
        await expect(execute(session, "0", { signal: never })).resolves.toEqual({ kind: "exited", code: 0 });
        await expect(execute(session, "255", { signal: never })).resolves.toEqual({
          kind: "exited",
          code: 255,
        });
      },
    );
  });

  it("that OpenSSH has no packet for is refused before it is sent, and the connection stays", async () => {
    const seen: number[] = [];
    await withServer(
      (command, channel) => {
        seen.push(command.length);
        end(channel, 0);
      },
      async (session) => {
        await expect(execute(session, "é".repeat(130_000), { signal: never })).rejects.toMatchObject({
          code: "UNSUPPORTED",
        });
        await expect(execute(session, "x".repeat(30_000), { signal: never })).resolves.toBeDefined();
        expect(seen).toEqual([30_000]);
      },
    );
  });

  it("that is killed by a signal reports which", async () => {
    await withServer(
      (_command, channel) => {
        channel.exit("KILL");
        channel.end();
      },
      async (session) => {
        const status = await execute(session, "x", { signal: never });
        expect(statusText(status)).toBe("signal SIGKILL");
      },
    );
  });

  it("has both streams of its output passed on unchanged", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    await withServer(
      (_command, channel) => {
        channel.stderr.write("to stderr");
        channel.write(bytes);
        end(channel, 0);
      },
      async (session) => {
        const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
        const streams = {
          onStdout: (b: Uint8Array) => void out.push(b),
          onStderr: (b: Uint8Array) => void err.push(b),
        };
        await execute(session, "x", { signal: never, ...streams });
        expect(Buffer.concat(out).equals(bytes)).toBe(true);
        expect(Buffer.concat(err).toString()).toBe("to stderr");
      },
    );
  });

  it("has an empty input by default", async () => {
    await withServer(
      (_command, channel) => {
        channel.on("data", () => end(channel, 1));
        channel.on("end", () => end(channel, 0));
      },
      async (session) => {
        const { status } = await capture(session, "x", { signal: never });
        expect(status).toEqual({ kind: "exited", code: 0 });
      },
    );
  });

  it("gets all of a long input", async () => {
    const data = randomBytes(8 << 20);
    await withServer(
      (_command, channel) => {
        const received: Buffer[] = [];
        channel.on("data", (bytes: Buffer) => received.push(bytes));
        channel.on("end", () => {
          channel.write(sha256(Buffer.concat(received)));
          end(channel, 0);
        });
      },
      async (session) => {
        const pieces = Array.from({ length: 128 }, (_, i) => data.subarray(i << 16, (i + 1) << 16));
        const result = await capture(session, "x", { signal: never, input: Readable.from(pieces) });
        expect(result.stdout).toBe(sha256(data));
      },
    );
  });

  it("gets its input no faster than it reads", async () => {
    let produced = 0;
    const input = new Readable({
      highWaterMark: 1 << 16,
      read() {
        produced += 1 << 16;
        this.push(produced > 64 << 20 ? null : Buffer.alloc(1 << 16));
      },
    });
    const started = Promise.withResolvers<ServerChannel>();
    await withServer(
      // Nothing reads the channel: its window fills.
      (_command, channel) => started.resolve(channel),
      async (session) => {
        const controller = new AbortController();
        const running = execute(session, "x", { signal: controller.signal, input });
        await started.promise;
        // A round trip on the same connection: all that could be sent has been.
        for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
        const before = produced;
        expect(before).toBeLessThan(16 << 20);
        controller.abort(new ObError("CANCELLED", "enough"));
        await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
        expect(input.destroyed).toBe(true);
      },
    );
  });

  it("that ends without reading its input returns its status", async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(1 << 14));
      },
    });
    await withServer(
      (_command, channel) => end(channel, 2),
      async (session) => {
        await expect(execute(session, "x", { signal: never, input: endless })).resolves.toEqual({
          kind: "exited",
          code: 2,
        });
      },
    );
  });

  it("that is lost without a status does not report an error of its input", async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(1 << 14));
      },
    });
    await withServer(
      (_command, channel) => channel.end(),
      async (session) => {
        await expect(execute(session, "x", { signal: never, input: endless })).rejects.toMatchObject({
          code: "GUEST_LOST",
        });
      },
    );
  });

  it("fails with the error of its input if that fails", async () => {
    const input = Readable.from(
      (async function* () {
        yield Buffer.from("some");
        await Promise.resolve();
        throw new Error("the disk is gone");
      })(),
    );
    await withServer(
      (_command, channel) => {
        channel.on("data", () => undefined);
        channel.on("end", () => end(channel, 0));
      },
      async (session) => {
        await expect(execute(session, "x", { signal: never, input })).rejects.toThrow("the disk is gone");
      },
    );
  });

  it("ends with the signal's reason while it runs", async () => {
    const controller = new AbortController();
    await withServer(
      () => controller.abort(new ObError("CANCELLED", "Ctrl-C")),
      async (session) => {
        await expect(execute(session, "x", { signal: controller.signal })).rejects.toMatchObject({
          code: "CANCELLED",
        });
      },
    );
  });

  it("is lost with its connection", async () => {
    await withServer(
      (_command, _channel, connection) => connection.end(),
      async (session) => {
        await expect(execute(session, "x", { signal: never })).rejects.toMatchObject({ code: "GUEST_LOST" });
        await expect(execute(session, "y", { signal: never })).rejects.toMatchObject({ code: "GUEST_LOST" });
      },
    );
  });

  it("is lost if the guest closes the channel without a status", async () => {
    await withServer(
      (_command, channel) => channel.end(),
      async (session) => {
        await expect(execute(session, "x", { signal: never })).rejects.toMatchObject({ code: "GUEST_LOST" });
      },
    );
  });

  it("keeps only the last part of a long output", async () => {
    await withServer(
      (_command, channel) => {
        channel.write(`${"x".repeat(200_000)}the end`);
        end(channel, 0);
      },
      async (session) => {
        const { stdout } = await capture(session, "x", { signal: never });
        expect(stdout.length).toBeLessThanOrEqual(65_536);
        expect(stdout.endsWith("the end")).toBe(true);
      },
    );
  });

  describe.concurrent("that has left a process which holds its output", () => {
    it("ends soon, with its status and all of its output", async () => {
      const bytes = randomBytes(3_000_000);
      await withServer(
        (_command, channel) => {
          channel.write(bytes);
          channel.exit(3);
        },
        async (session) => {
          const out: Uint8Array[] = [];
          const onStdout = (b: Uint8Array): void => void out.push(b);
          const status = await execute(session, "x", { signal: never, onStdout });
          expect(status).toEqual({ kind: "exited", code: 3 });
          expect(Buffer.concat(out).equals(bytes)).toBe(true);
        },
      );
    });

    it("has the process killed, and then returns all of its output", async () => {
      let held: ServerChannel | undefined;
      await withServer(
        (_command, channel) => {
          held = channel;
          channel.exit(0);
        },
        async (session) => {
          let out = "";
          const killStrayProcesses = async (): Promise<void> => {
            held?.end("the last words");
            await Promise.resolve();
          };
          const onStdout = (b: Uint8Array): void => void (out += Buffer.from(b).toString());
          await execute(session, "x", { signal: never, onStdout, killStrayProcesses });
          expect(out).toBe("the last words");
        },
      );
    });

    it(
      "lets the process write for a while, and then kills it, although it would write forever",
      async () => {
        let timer: NodeJS.Timeout | undefined;
        const ends: string[] = [];
        await withServer(
          (_command, channel) => {
            channel.exit(0);
            timer = setInterval(() => channel.write("more\n"), 200);
            channel.once("close", () => ends.push("closed"));
          },
          async (session) => {
            let out = "";
            // It no longer writes, but still holds the output.
            const killStrayProcesses = async (): Promise<void> => {
              ends.push(out.length > 100 ? "after a while" : "at once");
              clearInterval(timer);
              await Promise.resolve();
            };
            const onStdout = (b: Uint8Array): void => void (out += Buffer.from(b).toString());
            await execute(session, "x", { signal: never, onStdout, killStrayProcesses });
            expect(ends).toEqual(["after a while"]);
          },
        );
      },
      testTime(30_000),
    );

    it("can still be cancelled", async () => {
      const controller = new AbortController();
      await withServer(
        (_command, channel) => channel.exit(0),
        async (session) => {
          const killStrayProcesses = async (): Promise<void> => {
            controller.abort(new ObError("CANCELLED", "Ctrl-C"));
            await new Promise(() => undefined);
          };
          const running = execute(session, "x", { signal: controller.signal, killStrayProcesses });
          await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
        },
      );
    });
  });
});
