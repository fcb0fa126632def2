import { mkdtempDisposable, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { findProgram, ObError, type ObEvent, run, sha256 } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { extract, pack } from "tar-stream";
import { describe, expect, it, vi } from "vitest";
import type { Monitor } from "@ob/qemu";
import { copyVerified } from "./verified-copy.ts";
import { exitDeviceMissing } from "../guest/exit-statuses.ts";
import type { CopyVerification, GuestCommand } from "../guest/profile.ts";
import { windowsGuest } from "../guest/windows/profile.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";

const xorriso = await findProgram("xorriso");

const never = new AbortController().signal;
const windows = windowsGuest("opam");

const command = (text: string): GuestCommand => ({
  phase: "copy",
  purpose: text,
  command: text,
  failure: "STEP_FAILED",
});

/** The verification of a guest whose commands the test's server understands; names are as on Windows. */
const verification: CopyVerification = {
  dropsSymlinks: true,
  unpackedPath: (entry) => windows.verification?.unpackedPath(entry) ?? entry,
  unpackIso: (files) => command(`iso ${files.join(" ")}`),
  check: (list, digest) => command(`check ${list} ${digest}`),
};

interface Archived {
  readonly name: string;
  readonly contents?: string;
  readonly linkname?: string;
}

function archiveOf(entries: readonly Archived[]): Readable {
  const archive = pack();
  for (const { name, contents = "", linkname } of entries) {
    const entry =
      linkname === undefined
        ? archive.entry({ name }, contents)
        : archive.entry({ name, type: "symlink", linkname });
    // The reader may end before it.
    entry.on("error", () => undefined);
  }
  archive.finalize();
  return Readable.from(archive);
}

/** Copies to a guest that damages the first archives, and returns what it has in the end. */
async function copy(
  entries: readonly Archived[],
  { damaged = 0, drive = "seen", makesLinks = true, dropsSymlinks = true, maxListCharacters = 1e6 } = {},
) {
  const key = newKey();
  await using state = await mkdtempDisposable(join(tmpdir(), "copy-checked-"));
  let inDrive: string | undefined;
  const qmp: Monitor = {
    execute: async (name, { arguments: given }) => {
      monitored.push(name);
      if (drive === "none") throw new ObError("TOOL_FAILED", "no such device");
      if (name === "blockdev-change-medium") inDrive = String(given?.["filename"]);
      return await Promise.resolve({});
    },
  };
  const monitored: string[] = [];
  const files = new Map<string, string>();
  const commands: string[] = [];
  const events: ObEvent[] = [];
  let damage = damaged;
  const unpack = async (archive: Buffer): Promise<number> => {
    const parser = extract();
    parser.end(archive);
    let status = 0;
    try {
      for await (const entry of parser) {
        if (entry.header.type === "symlink" && !makesLinks) status = 1;
        files.set(entry.header.name, (await buffer(Readable.from(entry))).toString());
      }
      return status;
    } catch {
      return 2;
    }
  };
  const play = async (text: string, input: Buffer): Promise<number> => {
    const [name = "", ...words] = text.split(" ");
    commands.push(name);
    if (name === "unpack") {
      const spoilt = damage > 0 && input.includes("undamaged");
      if (spoilt) damage -= 1;
      return await unpack(
        spoilt ? Buffer.from(input.toString("latin1").replace("undamaged", "uNdamaged"), "latin1") : input,
      );
    }
    if (name === "iso") {
      if (drive === "unseen") return exitDeviceMissing;
      let status = 0;
      for (const file of words) {
        const copied = join(state.path, file);
        await run(["xorriso", "-osirrox", "on", "-indev", inDrive ?? "", "-extract", `/${file}`, copied]);
        status = Math.max(status, await unpack(await readFile(copied)));
      }
      return status;
    }
    const [list = "", digest] = words;
    const lines = files.get(list) ?? "";
    files.delete(list);
    if (sha256(lines) !== digest) return 1;
    const same = lines
      .trimEnd()
      .split("\n")
      // Read as bytes, whatever the mounts of Cygwin say (coreutils src/digest.c digest_file).
      .every(
        (line) => line[65] === "*" && sha256(files.get(line.slice(66)) ?? "missing") === line.slice(0, 64),
      );
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
  const copied = copyVerified({
    session,
    drive: { qmp, showDisk: async () => {} },
    stateDirectory: state.path,
    signal: never,
    emit: (event) => void events.push(event),
    openArchive: () => archiveOf(entries),
    unpack: command("unpack"),
    maxListCharacters,
    verification: { ...verification, dropsSymlinks },
  });
  const error: unknown = await copied.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const warnings = events.flatMap((event) => (event.type === "log" ? [event.text] : []));
  const left = await readdir(join(state.path, "run")).catch(() => []);
  return { error, files, commands, warnings, monitored, left };
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

it("a damaged copy is sent again", async () => {
  const { error, files, commands, warnings } = await copy(entries, { damaged: 1 });
  expect(error).toBeUndefined();
  expect(files.get("src/a")).toBe("undamaged");
  expect(commands).toEqual(["unpack", "unpack", "check", "unpack", "unpack", "check"]);
  expect(warnings).toEqual([expect.stringContaining("Sending the files again, through SSH.")]);
});

describe("a copy that is damaged twice", () => {
  it.skipIf(xorriso === undefined)("is sent on a CD-ROM, and its list too (needs xorriso)", async () => {
    const { error, files, commands, warnings, monitored, left } = await copy(entries, { damaged: 2 });
    expect(error).toBeUndefined();
    expect(files.get("src/a")).toBe("undamaged");
    expect(files.get("src/b")).toBe("x".repeat(200_000));
    expect(commands.slice(6)).toEqual(["iso", "check"]);
    expect(monitored).toEqual(["blockdev-change-medium", "eject"]);
    expect(warnings.at(-1)).toContain("Sending the files again, on a CD-ROM.");
    expect(left).toEqual([]);
  });

  it("fails without xorriso, and names the package", async () => {
    vi.stubEnv("PATH", "/nonexistent");
    const { error } = await copy(entries, { damaged: 2 }).finally(() => vi.unstubAllEnvs());
    expect(error).toMatchObject({ code: "MISSING_TOOL", hint: expect.stringContaining("install xorriso") });
  });

  it.skipIf(xorriso === undefined)("fails in a machine that has no drive", async () => {
    const { error } = await copy(entries, { damaged: 2, drive: "none" });
    expect(error).toMatchObject({ code: "STEP_FAILED", message: expect.stringContaining("could not check") });
  });

  it.skipIf(xorriso === undefined)("fails if the guest does not see the CD-ROM", async () => {
    const { error } = await copy(entries, { damaged: 2, drive: "unseen" });
    expect(error).toMatchObject({ code: "STEP_FAILED", message: expect.stringContaining("CD-ROM") });
  });
});

it("links cause a warning, and nothing is compared if there are no files", async () => {
  const { commands, warnings } = await copy([{ name: "src/link", linkname: "a" }]);
  expect(commands).toEqual(["unpack"]);
  expect(warnings).toEqual([expect.stringContaining("src/link")]);
});

describe("a tar that cannot make links and ends with 1", () => {
  const linked = [{ name: "src/link", linkname: "a" }, ...entries];
  const fails = expect.objectContaining({ code: "STEP_FAILED", exitCode: 1 });

  it("has copied the files, if the archive has links and the files verify", async () => {
    const { error, files, commands, warnings } = await copy(linked, { makesLinks: false });
    expect(error).toBeUndefined();
    expect(files.get("src/a")).toBe("undamaged");
    expect(commands).toEqual(["unpack", "unpack", "check"]);
    expect(warnings).toEqual([expect.stringContaining("src/link")]);
  });

  it.skipIf(xorriso === undefined)(
    "is sent damaged files again, at last on a CD-ROM (needs xorriso)",
    async () => {
      const { error, files, commands } = await copy(linked, { makesLinks: false, damaged: 2 });
      expect(error).toBeUndefined();
      expect(files.get("src/a")).toBe("undamaged");
      expect(commands.slice(6)).toEqual(["iso", "check"]);
    },
  );

  it.skipIf(xorriso === undefined)("fails where tar drops no links", async () => {
    const { error } = await copy(linked, { makesLinks: false, dropsSymlinks: false });
    expect(error).toEqual(fails);
  });
});

it("a copy to a drive that tar.exe cannot reach is refused", async () => {
  const { error } = await copy([{ name: "D:/src/a", contents: "x" }]);
  expect(error).toMatchObject({ code: "UNSUPPORTED" });
});

it("a copy is refused whose list of checksums would not fit into memory", async () => {
  const named = [
    { name: "a", contents: "x" },
    { name: "n".repeat(2_000), contents: "x" },
  ];
  const { error } = await copy(named, { maxListCharacters: 2_000 });
  expect(error).toMatchObject({
    code: "BAD_SOURCE",
    message: expect.stringContaining("does not fit into memory"),
  });
});
