import type { ObEvent } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { describe, expect, it } from "vitest";
import { exitNotFound } from "../guest/exit-statuses.ts";
import type { GuestCommand } from "../guest/profile.ts";
import { readArchive } from "./read-archive.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";

const command: GuestCommand = {
  phase: "copy",
  purpose: "read /x",
  command: "pack",
  framed: ({ mark }) => ({ command: mark, inputStart: "" }),
  failure: "BAD_SOURCE",
};

interface Guest {
  readonly onExec: (command: string, channel: ServerChannel) => void;
  readonly signal?: AbortSignal;
  readonly events?: ObEvent[];
  /** Called after the first chunk. */
  readonly pause?: () => Promise<void>;
}

/** Reads an archive from a server in place of the guest's tar. */
async function read({ onExec, events = [], pause, ...guest }: Guest): Promise<Buffer> {
  const { signal = new AbortController().signal } = guest;
  const key = newKey();
  await using server = await startServer({ accepts: key, onExec });
  const login = { user: "opam", keys: [{ kind: "key", label: "k", key }] as const, signal };
  await using session = await openSession(await server.connect(), login);
  const chunks: Uint8Array[] = [];
  const emit = (event: ObEvent): void => void events.push(event);
  for await (const chunk of readArchive(command, { session, path: "/x", signal, emit })) {
    if (chunks.push(chunk) === 1) await pause?.();
  }
  return Buffer.concat(chunks);
}

function ending(status: number, { archive = "", errors = "" } = {}) {
  return (mark: string, channel: ServerChannel): void => {
    channel.write(`${mark}${archive}${mark}`);
    channel.stderr.write(`${mark}${errors}${mark}`);
    channel.exit(status);
    channel.end();
  };
}

describe("reading an archive", () => {
  it("yields all of its bytes, however many", async () => {
    const archive = Buffer.alloc(5_000_000, "0123456789");
    const onExec = (mark: string, channel: ServerChannel): void => {
      channel.write(mark);
      channel.write(archive);
      channel.write(mark, () => {
        channel.exit(0);
        channel.end();
      });
    };
    expect((await read({ onExec })).equals(archive)).toBe(true);
  });

  it("passes on warnings of tar", async () => {
    const events: ObEvent[] = [];
    const errors = "tar: ./log: file changed as we read it";
    expect((await read({ onExec: ending(0, { archive: "a", errors }), events })).toString()).toBe("a");
    expect(events).toMatchObject([{ level: "warning", text: expect.stringContaining(errors) }]);
  });

  it("leaves out other output of the login shell, and does not wait for its processes", async () => {
    const events: ObEvent[] = [];
    const onExec = (mark: string, channel: ServerChannel): void => {
      channel.write(`Welcome ${mark.slice(0, -1)}!\n${mark}a${mark.slice(0, 9)}b${mark}late`);
      channel.stderr.write(`Welcome!\n${mark}${mark}late`);
      // A process that the login shell has left holds the output.
      channel.exit(0);
    };
    expect((await read({ onExec, events })).toString()).toBe("aobuilder-b");
    expect(events).toEqual([]);
  });

  it("fails if the login shell does not run it, with the shell's message", async () => {
    const ended = (status: number) => (_: string, channel: ServerChannel) => {
      channel.stderr.write("go away");
      channel.exit(status);
      channel.end();
    };
    for (const status of [0, 1]) {
      await expect(read({ onExec: ended(status) })).rejects.toMatchObject({
        code: "BAD_SOURCE",
        message: expect.stringContaining("go away"),
      });
    }
  });

  it("without an end is incomplete, whatever the status", async () => {
    const onExec = (mark: string, channel: ServerChannel): void => {
      channel.write(`${mark}half`);
      channel.exit(0);
      channel.end();
    };
    await expect(read({ onExec })).rejects.toMatchObject({ code: "BAD_SOURCE" });
  });

  it("loses nothing if the reader is slow, although the command has ended", async () => {
    const size = 6_000_000;
    const onExec = (mark: string, channel: ServerChannel): void => {
      channel.write(mark);
      channel.write(Buffer.alloc(size, "x"));
      channel.write(mark);
      channel.exit(0);
    };
    const pause = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await read({ onExec, pause })).toHaveLength(size);
  });

  it("of a missing path names the path", async () => {
    await expect(read({ onExec: ending(exitNotFound) })).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: 'There is nothing at "/x".',
    });
  });

  it("that breaks off fails after its last bytes", async () => {
    const errors = "tar: ./f: Read error";
    await expect(read({ onExec: ending(2, { archive: "half", errors }) })).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: `The guest could not read /x: ${errors}`,
    });
  });

  it("ends when the signal fires, even if the guest sends nothing", async () => {
    const controller = new AbortController();
    const reading = read({ onExec: () => controller.abort(), signal: controller.signal });
    await expect(reading).rejects.toMatchObject({ code: "CANCELLED" });
  });
});
