import { createReadStream } from "node:fs";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  type ArchivedDirectory,
  type Emit,
  type GuestOwner,
  isObError,
  type OpenArchiveOptions,
} from "@ob/core";
import { abortable } from "../abort.ts";
import { type ArchiveSpool, spoolArchive, type SpooledArchive } from "./archive-spool.ts";
import { copyVerified } from "./verified-copy.ts";
import type { CopyOwner } from "./copy-owner.ts";
import { directoryLines } from "../guest/posix/directory-lines.ts";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import { type AttachedDisk, attachDisk, supportsHotplug } from "../vm/hot-plug.ts";
import { type GuestConnection, unpackArchive, unpackFromDevice } from "../guest/guest-command.ts";
import type { Monitor } from "../qmp/client.ts";
import type { Vm } from "../vm/vm.ts";

export interface CopyInOptions {
  /** See `CopyTask`. */
  readonly openArchive: (options: OpenArchiveOptions) => Readable;
  readonly owner: CopyOwner;
  /** Absolute path of the directory that run directories are made in. */
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** The guest that gets a copy. */
export interface CopyTarget extends GuestConnection {
  readonly qmp: Monitor;
  /** Gives the guest a raw disk to read; undefined where its machine takes none while it runs. */
  readonly attach: ((disk: ArchiveDisk) => Promise<AttachedDisk>) | undefined;
}

export interface ArchiveDisk {
  /** Absolute path. */
  readonly file: string;
  /** What the guest finds it by. */
  readonly serial: string;
}

/** The guest of a machine. */
export function copyTarget(vm: Vm, inGuest: GuestConnection): CopyTarget {
  const attach = async ({ file, serial }: ArchiveDisk): Promise<AttachedDisk> =>
    await attachDisk(vm, { node: serial, file, format: "raw", readOnly: true, serial }, inGuest.signal);
  return { ...inGuest, qmp: vm.qmp, attach: supportsHotplug(vm.config) ? attach : undefined };
}

/** What a guest is given, beyond the step itself, to let go of the disk that it has read, in milliseconds. */
const letGoTime = 2_000;

/** A copy under way: its archive is read while the guest boots. Disposing removes what was put on the host's disk. */
export interface CopyIn extends AsyncDisposable {
  /**
   * Unpacks it in the guest.
   *
   * @throws ObError as `unpackArchive`; `NO_SPACE`; as `copyChecked` where the profile has a check.
   */
  into(guest: CopyTarget): Promise<void>;
}

/**
 * Starts a copy. The archive goes in by the quickest way that the guest has: a large one as a disk, the others through
 * the SSH connection.
 */
export function copyIn(profile: GuestProfile, options: CopyInOptions): CopyIn {
  const { unpack, unpackDisk, verification: check } = profile;
  const { owner } = options;
  if (check) {
    return {
      into: async (guest) => {
        const confirmed = await owner.confirm(guest);
        const openArchive = (): Readable => options.openArchive({ owner: confirmed });
        await copyVerified({ ...options, ...guest, openArchive, unpack, check });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const note = (text: string): void => options.emit({ type: "log", level: "debug", text });
  let spool = spoolFor(owner.presumed, options);
  const disks = new AsyncDisposableStack();
  return {
    into: async (guest) => {
      const confirmed = await owner.confirm(guest);
      if (!isSame(confirmed, spool.owner)) {
        note("The files belong to another user than was presumed: they are read once more.");
        await spool[Symbol.asyncDispose]();
        spool = spoolFor(confirmed, options);
      }
      const archive = await abortable(spool.ready, guest.signal);
      const directories = directoryLines(spool.directories);
      if (archive.kind === "file" && unpackDisk) {
        note("The files go in as a disk.");
        const command = (serial: string): GuestCommand => unpackDisk(serial, directories);
        if (await unpackFromDisk(command, { ...guest, file: archive.path, disks })) return;
        note("The guest takes no disk while it runs: they go in through SSH.");
      }
      await unpackArchive(unpack, { ...guest, archive: Readable.from(read(archive, directories)) });
    },
    [Symbol.asyncDispose]: async () => {
      await disks.disposeAsync();
      await spool[Symbol.asyncDispose]();
    },
  };
}

/** An archive on its way, all of it one owner's. */
interface OwnedSpool extends ArchiveSpool {
  readonly owner: GuestOwner | undefined;
  /** The directories that it names; all of them once it is ready. */
  readonly directories: readonly ArchivedDirectory[];
}

function spoolFor(owner: GuestOwner | undefined, options: CopyInOptions): OwnedSpool {
  const directories: ArchivedDirectory[] = [];
  const onDirectory = (each: ArchivedDirectory): void => void directories.push(each);
  const openArchive = (): Readable => options.openArchive({ owner, onDirectory });
  return { ...spoolArchive({ ...options, openArchive }), owner, directories };
}

function isSame(one: GuestOwner | undefined, other: GuestOwner | undefined): boolean {
  return one?.uid === other?.uid && one?.gid === other?.gid;
}

async function* read(archive: SpooledArchive, directories: Uint8Array): AsyncGenerator<Uint8Array> {
  yield directories;
  switch (archive.kind) {
    case "bytes":
      yield archive.bytes;
      return;
    case "file":
      yield* createReadStream(archive.path) as AsyncIterable<Uint8Array>;
  }
}

/** @returns false if the machine or its guest does not take a disk while it runs. */
async function unpackFromDisk(
  unpack: (serial: string) => GuestCommand,
  guest: CopyTarget & { readonly file: string; readonly disks: AsyncDisposableStack },
): Promise<boolean> {
  const { attach, file, disks, signal } = guest;
  if (!attach) return false;
  // Not the one of a disk that the guest has not let go of yet. 20 characters are the most that there may be.
  const serial = `obuilder-copy-${randomBytes(3).toString("hex")}`;
  let disk: AttachedDisk;
  try {
    disk = await attach({ file, serial });
  } catch (error) {
    if (isObError(error, "TOOL_FAILED")) return false;
    throw error;
  }
  const result = await unpackFromDevice(unpack(serial), guest);
  // The guest lets go of it in its own time; what the step does next need not wait for that.
  const over = new AbortController();
  const detached = disk.detach(AbortSignal.any([signal, over.signal])).catch(() => undefined);
  disks.defer(async () => {
    const timer = setTimeout(() => over.abort(), letGoTime);
    await detached;
    clearTimeout(timer);
  });
  return result === "unpacked";
}
