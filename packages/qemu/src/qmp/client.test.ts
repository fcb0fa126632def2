import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ObError } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { QmpClient } from "./client.ts";
import type { QmpEvent } from "./protocol.ts";

const greeting = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 } }, capabilities: ["oob"] } };
const never = new AbortController().signal;

interface Command {
  readonly execute: string;
  readonly id: number;
  readonly arguments?: Record<string, unknown>;
}
type Answer = (command: Command, say: (message: unknown) => void, socket: Socket) => void;

let directory: string;
let server: Server;
let events: QmpEvent[];
let answer: Answer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "qmp-"));
  events = [];
  answer = ({ id }, say) => say({ return: {}, id });
  server = createServer((socket) => {
    const say = (message: unknown): void => void socket.write(`${JSON.stringify(message)}\r\n`);
    say(greeting);
    socket.on("data", (bytes) => {
      for (const line of bytes.toString().trim().split("\n")) answer(JSON.parse(line), say, socket);
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => void server.listen(join(directory, "s"), resolve));
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

const open = (): QmpClient =>
  new QmpClient(connect(join(directory, "s")), (event) => void events.push(event));

describe("a QMP client", () => {
  it("negotiates capabilities and gets QEMU's version", async () => {
    const seen: string[] = [];
    answer = ({ execute, id }, say) => {
      seen.push(execute);
      say({ return: {}, id });
    };
    await using client = open();
    await expect(client.handshake(never)).resolves.toBe("7.2.22");
    expect(seen).toEqual(["qmp_capabilities"]);
  });

  it("matches each answer to its command, in any order", async () => {
    const held: Command[] = [];
    answer = (command, say) => {
      held.push(command);
      if (held.length === 2) for (const { execute, id } of held.toReversed()) say({ return: execute, id });
    };
    await using client = open();
    const both = ["first", "second"].map((name) => client.execute(name, { signal: never }));
    await expect(Promise.all(both)).resolves.toEqual(["first", "second"]);
  });

  it("passes on events between answers and in chunks", async () => {
    answer = ({ id }, say, socket) => {
      const line = `${JSON.stringify({ event: "SHUTDOWN", data: { guest: true }, timestamp: {} })}\n`;
      socket.write(line.slice(0, 10), () => {
        socket.write(line.slice(10));
        say({ event: "STOP" });
        say({ return: {}, id });
      });
    };
    await using client = open();
    await client.execute("quit", { signal: never });
    expect(events).toEqual([
      { name: "SHUTDOWN", data: { guest: true } },
      { name: "STOP", data: {} },
    ]);
  });

  it("reports an error of QEMU with its description", async () => {
    answer = ({ id }, say) => say({ error: { class: "GenericError", desc: "No such device" }, id });
    await using client = open();
    await expect(client.execute("device_del", { signal: never })).rejects.toMatchObject({
      code: "TOOL_FAILED",
      message: 'QEMU rejected "device_del": No such device',
    });
  });

  it("runs commands of the human monitor", async () => {
    answer = (command, say) =>
      say({ return: `ran ${String(command.arguments?.["command-line"])}`, id: command.id });
    await using client = open();
    await expect(client.human("info usernet", never)).resolves.toBe("ran info usernet");
  });

  it("rejects pending and new commands when QEMU exits", async () => {
    answer = (_command, _say, socket) => socket.destroy();
    await using client = open();
    await expect(client.execute("quit", { signal: never })).rejects.toMatchObject({ code: "GUEST_LOST" });
    await expect(client.execute("again", { signal: never })).rejects.toMatchObject({ code: "GUEST_LOST" });
  });

  it("rejects a command with the signal's reason", async () => {
    answer = () => undefined;
    const controller = new AbortController();
    await using client = open();
    const waiting = client.execute("stop", { signal: controller.signal });
    controller.abort(new ObError("NO_SPACE", "full"));
    await expect(waiting).rejects.toMatchObject({ code: "NO_SPACE" });
  });

  it("closes a connection on which a message has no end", async () => {
    answer = (_command, _say, socket) => {
      for (let sent = 0; sent < 80; sent++) socket.write("x".repeat(65_536));
    };
    await using client = open();
    await expect(client.execute("stop", { signal: never })).rejects.toMatchObject({
      code: "GUEST_LOST",
      message: "QEMU sent a message that is too long.",
    });
  });

  it("ignores lines that are not messages", async () => {
    answer = ({ id }, say, socket) => {
      socket.write("nonsense\n\n{}\n[1]\n");
      say({ return: 1, id });
    };
    await using client = open();
    await expect(client.execute("x", { signal: never })).resolves.toBe(1);
  });
});
