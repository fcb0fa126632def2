import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type ObEvent, sha256 } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { extract, pack } from "tar-stream";
import { expect, it } from "vitest";
import { copyIn } from "./copy-in.ts";
import type { GuestCommand, GuestProfile } from "./guest/profile.ts";
import { windowsGuest } from "./guest/windows.ts";
import { openSession } from "./ssh/session.ts";
import { newKey, startServer } from "./testing/ssh-server.ts";

const never = new AbortController().signal;
const windows = windowsGuest("opam");

const command = (text: string): GuestCommand => ({
  phase: "copy",
  purpose: text,
  command: text,
  failure: "STEP_FAILED",
});

/** A profile whose commands the test's server knows; names and the check's digest are Windows'. */
const profile: GuestProfile = {
  ...windows,
  unpack: command("unpack"),
  verifyCopy: {
    losesLinks: true,
    unpackedPath: (entry) => windows.verifyCopy?.unpackedPath(entry) ?? entry,
    check: (list, digest) => command(`check ${list} ${digest}`),
  },
};

interface Archived {
  readonly name: string;
  readonly contents?: string;
  readonly linkname?: string;
}

function archiveOf(entries: readonly Archived[]): Readable {
  const archive = pack();
  for (const { name, contents = "", linkname } of entries) {
    if (linkname === undefined) archive.entry({ name }, contents);
    else archive.entry({ name, type: "symlink", linkname });
  }
  archive.finalize();
  return Readable.from(archive);
}

/** Copies into a guest that damages the first archives, and tells what it had in the end. */
async function copy(entries: readonly Archived[], { damaged = 0, guest = profile } = {}) {
  const key = newKey();
  const files = new Map<string, string>();
  const commands: string[] = [];
  const events: ObEvent[] = [];
  let damage = damaged;
  const play = async (text: string, input: Buffer): Promise<number> => {
    commands.push(text.split(" ")[0] ?? "");
    if (text === "unpack") {
      const spoilt = damage > 0 && input.includes("undamaged");
      if (spoilt) damage -= 1;
      const parser = extract();
      parser.end(
        spoilt ? Buffer.from(input.toString("latin1").replace("undamaged", "uNdamaged"), "latin1") : input,
      );
      for await (const entry of parser) {
        files.set(entry.header.name, (await buffer(Readable.from(entry))).toString());
      }
      return 0;
    }
    const [, list = "", digest] = text.split(" ");
    const lines = files.get(list) ?? "";
    files.delete(list);
    if (sha256(lines) !== digest) return 1;
    const same = lines
      .trimEnd()
      .split("\n")
      .every((line) => sha256(files.get(line.slice(66)) ?? "missing") === line.slice(0, 64));
    return same ? 0 : 1;
  };
  const serve = async (text: string, channel: ServerChannel): Promise<void> => {
    channel.exit(await play(text, await buffer(channel)));
    channel.end();
  };
  await using server = await startServer({
    accepts: key,
    onExec: (text, channel) => void serve(text, channel),
  });
  const login = { user: "opam", keys: [{ kind: "key", label: "k", key }] as const, signal: never };
  await using session = await openSession(await server.connect(), login);
  const copied = copyIn(guest, {
    session,
    signal: never,
    emit: (event) => void events.push(event),
    openArchive: () => archiveOf(entries),
  });
  const error: unknown = await copied.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const warnings = events.flatMap((event) => (event.type === "log" ? [event.text] : []));
  return { error, files, commands, warnings };
}

const entries = [
  { name: "src/a", contents: "undamaged" },
  { name: "src/b", contents: "x".repeat(200_000) },
];

it("a copy is unpacked, and its files are compared with what was sent", async () => {
  const { error, files, commands, warnings } = await copy(entries);
  expect(error).toBeUndefined();
  expect(commands).toEqual(["unpack", "unpack", "check"]);
  expect(Object.fromEntries(files)).toEqual(Object.fromEntries(entries.map((e) => [e.name, e.contents])));
  expect(warnings).toEqual([]);
});

it("a copy that was damaged is sent once more", async () => {
  const { error, files, commands, warnings } = await copy(entries, { damaged: 1 });
  expect(error).toBeUndefined();
  expect(files.get("src/a")).toBe("undamaged");
  expect(commands).toEqual(["unpack", "unpack", "check", "unpack", "unpack", "check"]);
  expect(warnings).toEqual([expect.stringContaining("They are sent once more.")]);
});

it("a copy that is damaged again fails", async () => {
  const { error } = await copy(entries, { damaged: 2 });
  expect(error).toMatchObject({ code: "STEP_FAILED", message: expect.stringContaining("could not check") });
});

it("links are warned of, and nothing is compared where there is no file", async () => {
  const { commands, warnings } = await copy([{ name: "src/link", linkname: "a" }]);
  expect(commands).toEqual(["unpack"]);
  expect(warnings).toEqual([expect.stringContaining("src/link")]);
});

it("a guest whose pipe is trusted gets the archive and no more", async () => {
  const { commands } = await copy(entries, { guest: { ...profile, verifyCopy: undefined } });
  expect(commands).toEqual(["unpack"]);
});

it("a copy to a drive that tar.exe cannot reach is refused", async () => {
  const { error } = await copy([{ name: "D:/src/a", contents: "x" }]);
  expect(error).toMatchObject({ code: "UNSUPPORTED" });
});
