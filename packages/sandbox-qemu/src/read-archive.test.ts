import type { ObEvent } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { describe, expect, it } from "vitest";
import { nothingThere } from "./guest/pack-script.ts";
import { readArchive } from "./read-archive.ts";
import { openSession } from "./ssh/session.ts";
import { newKey, startServer } from "./testing/ssh-server.ts";

const command = { phase: "copy", purpose: "read /x", command: "pack", failure: "BAD_SOURCE" } as const;

interface Guest {
  readonly onExec: (command: string, channel: ServerChannel) => void;
  readonly signal?: AbortSignal;
  readonly events?: ObEvent[];
}

/** Reads an archive from a server that plays the guest's tar. */
async function read({ onExec, signal = new AbortController().signal, events = [] }: Guest): Promise<Buffer> {
  const key = newKey();
  await using server = await startServer({ accepts: key, onExec });
  const login = { user: "opam", keys: [{ kind: "key", label: "k", key }] as const, signal };
  await using session = await openSession(await server.connect(), login);
  const chunks: Uint8Array[] = [];
  const emit = (event: ObEvent): void => void events.push(event);
  for await (const chunk of readArchive(command, { session, path: "/x", signal, emit })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function ending(status: number, { archive = "", words = "" } = {}) {
  return (_: string, channel: ServerChannel): void => {
    channel.write(archive);
    channel.stderr.write(words);
    channel.exit(status);
    channel.end();
  };
}

describe("reading an archive", () => {
  it("gives all bytes of it, however many", async () => {
    const archive = Buffer.alloc(5_000_000, "0123456789");
    const onExec = (_: string, channel: ServerChannel): void => {
      channel.write(archive, () => {
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

  it("of nothing names the path", async () => {
    await expect(read({ onExec: ending(nothingThere) })).rejects.toMatchObject({
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
