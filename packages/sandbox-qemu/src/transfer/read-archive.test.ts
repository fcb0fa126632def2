import type { ObEvent } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { describe, expect, it } from "vitest";
import { exitNotFound } from "../guest/profile.ts";
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
  /** What the reader does after the first piece. */
  readonly pause?: () => Promise<void>;
}

/** Reads an archive from a server that plays the guest's tar. */
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

function ending(status: number, { archive = "", words = "" } = {}) {
  return (mark: string, channel: ServerChannel): void => {
    channel.write(`${mark}${archive}${mark}`);
    channel.stderr.write(`${mark}${words}${mark}`);
    channel.exit(status);
    channel.end();
  };
}

describe("reading an archive", () => {
  it("gives all bytes of it, however many", async () => {
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

  it("passes on what tar warns of", async () => {
    const events: ObEvent[] = [];
    const words = "tar: ./log: file changed as we read it";
    expect((await read({ onExec: ending(0, { archive: "a", words }), events })).toString()).toBe("a");
    expect(events).toMatchObject([{ level: "warning", text: expect.stringContaining(words) }]);
  });

  it("leaves out what the login shell says before, after and beside it, and does not wait for it", async () => {
    const events: ObEvent[] = [];
    const onExec = (mark: string, channel: ServerChannel): void => {
      channel.write(`Welcome ${mark.slice(0, -1)}!\n${mark}a${mark.slice(0, 9)}b${mark}late`);
      channel.stderr.write(`Welcome!\n${mark}${mark}late`);
      // Something that the login shell has left holds the output.
      channel.exit(0);
    };
    expect((await read({ onExec, events })).toString()).toBe("aobuilder-b");
    expect(events).toEqual([]);
  });

  it("fails where the login shell does not come to it, with what that says", async () => {
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

  it("that has no end is not whole, whatever the status", async () => {
    const onExec = (mark: string, channel: ServerChannel): void => {
      channel.write(`${mark}half`);
      channel.exit(0);
      channel.end();
    };
    await expect(read({ onExec })).rejects.toMatchObject({ code: "BAD_SOURCE" });
  });

  it("loses nothing of a reader who is slow, though its command has ended", async () => {
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

  it("of nothing names the path", async () => {
    await expect(read({ onExec: ending(exitNotFound) })).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: 'There is nothing at "/x".',
    });
  });

  it("that broke off fails after what came of it", async () => {
    const words = "tar: ./f: Read error";
    await expect(read({ onExec: ending(2, { archive: "half", words }) })).rejects.toMatchObject({
      code: "BAD_SOURCE",
      message: `The guest could not read /x: ${words}`,
    });
  });

  it("ends when the signal fires, also where the guest sends nothing", async () => {
    const controller = new AbortController();
    const reading = read({ onExec: () => controller.abort(), signal: controller.signal });
    await expect(reading).rejects.toMatchObject({ code: "CANCELLED" });
  });
});
