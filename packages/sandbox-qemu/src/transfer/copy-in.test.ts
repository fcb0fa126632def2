import { mkdtempDisposable, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type GuestOwner, ObError, type OpenArchiveOptions } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { expect, it } from "vitest";
import type { Monitor } from "@ob/qemu";
import { type ArchiveDisk, copyIn } from "./copy-in.ts";
import { linuxGuest } from "../guest/linux/profile.ts";
import { exitDeviceMissing } from "../guest/exit-statuses.ts";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";

const never = new AbortController().signal;

const command = (text: string): GuestCommand => ({
  phase: "copy",
  purpose: text,
  command: text,
  failure: "STEP_FAILED",
});

const profile: GuestProfile = {
  ...linuxGuest("opam"),
  unpack: command("unpack"),
  unpackDisk: (serial, directories) => ({ ...command(`unpack-disk ${serial}`), input: directories }),
};

const presumed: GuestOwner = { uid: 1000, gid: 1000 };

interface CopyOptions {
  readonly bytes: number;
  /** Whether a disk can be attached, and detached again. */
  readonly machine?: "hot-plug" | "no-hot-plug" | "refuses" | "keeps";
  /** The exit status of tar when it reads a disk. */
  readonly status?: number;
  /** The owner that the guest reports. */
  readonly owner?: GuestOwner | "unknown";
}

/** What is sent before the archive. */
const directories = "archive \n/a\na/b\n\n";

/** Copies a number of bytes, and returns what the guest received and how. */
async function copy({ bytes, machine = "hot-plug", status = 0, owner = presumed }: CopyOptions) {
  await using state = await mkdtempDisposable(join(tmpdir(), "copy-in-"));
  const sent = Buffer.alloc(bytes, "0123456789abcdef");
  const commands: string[] = [];
  const got: Buffer[] = [];
  const disks = new Map<string, string>();
  const monitored: string[] = [];
  const attach = async ({ file, serial }: ArchiveDisk) => {
    monitored.push("attach");
    if (machine === "refuses") throw new ObError("TOOL_FAILED", "no such bus");
    disks.set(serial, file);
    return await Promise.resolve({
      detach: async () => {
        monitored.push("detach");
        await Promise.resolve();
        if (machine === "keeps") throw new ObError("TOOL_FAILED", "The guest did not give it up.");
      },
    });
  };
  const qmp: Monitor = { execute: async () => await Promise.resolve({}) };
  const serve = async (text: string, channel: ServerChannel): Promise<void> => {
    const [name = "", serial = ""] = text.split(" ");
    commands.push(name);
    const input = await buffer(channel);
    const told = input.subarray(0, directories.length).toString();
    if (name === "unpack-disk") expect(input.toString()).toBe(directories);
    else expect(told).toBe(directories);
    if (name === "unpack") got.push(input.subarray(directories.length));
    else if (status === 0) got.push(await readFile(disks.get(serial) ?? ""));
    if (name === "unpack-disk" && status !== 0) channel.stderr.write("tar: is unhappy\n");
    channel.exit(name === "unpack" ? 0 : status);
    channel.end();
  };
  const key = newKey();
  await using server = await startServer({
    accepts: key,
    onExec: (text, channel) => void serve(text, channel),
  });
  const login = { user: "opam", keys: [{ kind: "key", label: "k", key }] as const, signal: never };
  await using session = await openSession(await server.connect(), login);
  const opened: (GuestOwner | undefined)[] = [];
  const openArchive = (options: OpenArchiveOptions): Readable => {
    opened.push(options.owner);
    options.onDirectory?.({ path: Buffer.from("a"), isParent: true });
    options.onDirectory?.({ path: Buffer.from("a/b"), isParent: false });
    return Readable.from([sent]);
  };
  const target = { session, drive: { qmp, showDisk: async () => {} }, signal: never };
  await using copying = copyIn(profile, {
    openArchive,
    owner: {
      presumed,
      confirm: async () => {
        if (owner === "unknown") throw new ObError("STEP_FAILED", "the guest has no user x");
        return await Promise.resolve(owner);
      },
    },
    stateDirectory: state.path,
    signal: never,
    emit: () => undefined,
  });
  const error: unknown = await copying
    .into({ ...target, attach: machine === "no-hot-plug" ? undefined : attach })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  await copying[Symbol.asyncDispose]();
  const whole = got.every((each) => each.subarray(0, bytes).equals(sent)) && got.length === 1;
  return {
    error,
    commands,
    monitored,
    whole,
    opened,
    left: await readdir(join(state.path, "run")).catch(() => []),
  };
}

it("a small archive is sent through the connection", async () => {
  const { error, commands, monitored, whole } = await copy({ bytes: 10_000 });
  expect([error, commands, monitored, whole]).toEqual([undefined, ["unpack"], [], true]);
});

it("a large archive is attached as a disk, of which nothing is left afterwards", async () => {
  const { error, commands, monitored, whole, left } = await copy({ bytes: 9_000_000 });
  expect([error, commands, whole, left]).toEqual([undefined, ["unpack-disk"], true, []]);
  expect(monitored).toEqual(["attach", "detach"]);
});

it("a guest that does not release the disk does not fail the copy", async () => {
  const { error, left } = await copy({ bytes: 9_000_000, machine: "keeps" });
  expect([error, left]).toEqual([undefined, []]);
});

it("it is sent through the connection if the VM has no hot-plug, or the guest does not see the disk", async () => {
  for (const machine of ["no-hot-plug", "refuses"] as const) {
    const refused = await copy({ bytes: 9_000_000, machine });
    expect([refused.error, refused.commands, refused.whole]).toEqual([undefined, ["unpack"], true]);
  }
  const unseen = await copy({ bytes: 9_000_000, status: exitDeviceMissing });
  expect([unseen.error, unseen.commands, unseen.whole]).toEqual([undefined, ["unpack-disk", "unpack"], true]);
});

it("an error of tar is reported", async () => {
  const { error, left } = await copy({ bytes: 9_000_000, status: 2 });
  expect(error).toMatchObject({
    code: "STEP_FAILED",
    exitCode: 2,
    message: "The guest's tar ended with exit status 2:\ntar: is unhappy",
  });
  expect(left).toEqual([]);
});

it.each([10_000, 9_000_000])(
  "%i bytes are read again if the owner is not the presumed one",
  async (bytes) => {
    const owner = { uid: 1000, gid: 50 };
    const copied = await copy({ bytes, owner });
    expect([copied.error, copied.whole, copied.left]).toEqual([undefined, true, []]);
    expect(copied.opened).toEqual([presumed, owner]);
    expect((await copy({ bytes })).opened).toEqual([presumed]);
  },
);

it.each([10_000, 9_000_000])(
  "nothing of %i bytes is unpacked for a user that does not exist in the guest",
  async (bytes) => {
    const { error, commands, left } = await copy({ bytes, owner: "unknown" });
    expect([error, commands, left]).toMatchObject([{ message: "the guest has no user x" }, [], []]);
  },
);
