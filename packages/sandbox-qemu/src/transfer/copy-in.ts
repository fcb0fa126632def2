import { createReadStream } from "node:fs";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  abortable,
  type ArchivedDirectory,
  type ArchiveFeature,
  type Emit,
  type GuestOwner,
  isObError,
  type OpenArchiveOptions,
} from "@ob/core";
import { attachDisk, type AttachedDisk, type IsoDrive, supportsHotplug, type Vm } from "@ob/qemu";
import { type ArchiveSpool, spoolArchive, type SpooledArchive } from "./archive-spool.ts";
import { copyVerified } from "./verified-copy.ts";
import type { CopyOwner } from "./copy-owner.ts";
import { type ArchiveContents, directoryLines } from "../guest/posix/directory-lines.ts";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import {
  type GuestConnection,
  unpackArchive,
  unpackFromDevice,
  type UnpackResult,
} from "../guest/guest-command.ts";

export interface CopyInOptions {
  /** See `CopyTask`. */
  readonly openArchive: (options: OpenArchiveOptions) => Readable;
  readonly owner: CopyOwner;
  /** Absolute path of the directory that run directories are made in. */
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** The guest that the files are copied to. */
export interface CopyTarget extends GuestConnection {
  readonly drive: IsoDrive;
  /** Attaches a raw disk, read-only; undefined if the VM does not support hot-plug. */
  readonly attach: ((disk: ArchiveDisk) => Promise<AttachedDisk>) | undefined;
}

export interface ArchiveDisk {
  /** Absolute path. */
  readonly file: string;
  /** Its serial number, by which the guest finds it. */
  readonly serial: string;
}

/** The guest of a VM. */
export function copyTarget(vm: Vm, connection: GuestConnection): CopyTarget {
  const attach = async ({ file, serial }: ArchiveDisk): Promise<AttachedDisk> =>
    await attachDisk(vm, { node: serial, file, format: "raw", readOnly: true, serial }, connection.signal);
  return { ...connection, drive: vm, attach: supportsHotplug(vm.config) ? attach : undefined };
}

/** How long a step waits at its end until the guest has released the archive's disk, in milliseconds. */
const releaseTimeout = 2_000;

/** A copy whose archive is read while the guest boots. Disposing removes its files on the host. */
export interface CopyIn extends AsyncDisposable {
  /**
   * Unpacks it in the guest.
   *
   * @throws ObError as `unpackArchive`; `NO_SPACE`; as `copyVerified` if the profile has a `verification`.
   */
  into(guest: CopyTarget): Promise<void>;
}

/**
 * Starts a copy. A large archive is transferred as a disk if the VM and its guest support that, others through the SSH
 * connection.
 */
export function copyIn(profile: GuestProfile, options: CopyInOptions): CopyIn {
  const { unpack, unpackDisk, verification } = profile;
  const { owner } = options;
  if (verification) {
    return {
      into: async (guest) => {
        const confirmed = await owner.confirm(guest);
        // What is verified are the files' whole contents.
        const openArchive = (): Readable => options.openArchive({ owner: confirmed, plain: true });
        await copyVerified({ ...options, ...guest, openArchive, unpack, verification });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const log = (text: string): void => options.emit({ type: "log", level: "debug", text });
  let spool = spoolFor(owner.presumed, options);
  const disks = new AsyncDisposableStack();
  const send = async (guest: CopyTarget, spooled: OwnedSpool): Promise<UnpackResult> => {
    const archive = await abortable(spooled.ready, guest.signal);
    const contents = directoryLines(spooled);
    if (archive.kind === "file" && unpackDisk) {
      log("Transferring the files as a disk.");
      const command = (serial: string): GuestCommand => unpackDisk(serial, contents);
      const result = await unpackFromDisk(command, { ...guest, file: archive.path, disks });
      if (result !== "not seen") return result;
      log("The disk could not be hot-plugged: transferring the files through SSH.");
    }
    return await unpackArchive(unpack, { ...guest, archive: Readable.from(read(archive, contents)) });
  };
  return {
    into: async (guest) => {
      const confirmed = await owner.confirm(guest);
      if (!isSame(confirmed, spool.owner)) {
        log("The files belong to another user than presumed: reading them again.");
        await spool[Symbol.asyncDispose]();
        spool = spoolFor(confirmed, options);
      }
      if ((await send(guest, spool)) === "unpacked") return;
      log("The guest's tar cannot unpack files with holes: sending them filled with zeros.");
      await spool[Symbol.asyncDispose]();
      spool = spoolFor(confirmed, { ...options, plain: true });
      await send(guest, spool);
    },
    [Symbol.asyncDispose]: async () => {
      await disks.disposeAsync();
      await spool[Symbol.asyncDispose]();
    },
  };
}

/** An archive whose entries all have the same owner. What it contains is known once it is ready. */
interface OwnedSpool extends ArchiveSpool, ArchiveContents {
  readonly owner: GuestOwner | undefined;
}

function spoolFor(
  owner: GuestOwner | undefined,
  options: CopyInOptions & Pick<OpenArchiveOptions, "plain">,
): OwnedSpool {
  const directories: ArchivedDirectory[] = [];
  const features = new Set<ArchiveFeature>();
  const onDirectory = (each: ArchivedDirectory): void => void directories.push(each);
  const onFeature = (each: ArchiveFeature): void => void features.add(each);
  const { plain } = options;
  const openArchive = (): Readable => options.openArchive({ owner, onDirectory, onFeature, plain });
  return { ...spoolArchive({ ...options, openArchive }), owner, directories, features };
}

function isSame(one: GuestOwner | undefined, other: GuestOwner | undefined): boolean {
  return one?.uid === other?.uid && one?.gid === other?.gid;
}

async function* read(archive: SpooledArchive, contents: Uint8Array): AsyncGenerator<Uint8Array> {
  yield contents;
  switch (archive.kind) {
    case "bytes":
      yield archive.bytes;
      return;
    case "file":
      yield* createReadStream(archive.path) as AsyncIterable<Uint8Array>;
  }
}

/** @returns "not seen" if the disk cannot be attached, or the guest does not see it. */
async function unpackFromDisk(
  unpack: (serial: string) => GuestCommand,
  guest: CopyTarget & { readonly file: string; readonly disks: AsyncDisposableStack },
): Promise<UnpackResult | "not seen"> {
  const { attach, file, disks, signal } = guest;
  if (!attach) return "not seen";
  // Unique, since the guest may not yet have released an earlier disk. 20 characters is the limit.
  const serial = `obuilder-copy-${randomBytes(3).toString("hex")}`;
  let disk: AttachedDisk;
  try {
    disk = await attach({ file, serial });
  } catch (error) {
    if (isObError(error, "TOOL_FAILED")) return "not seen";
    throw error;
  }
  const result = await unpackFromDevice(unpack(serial), guest);
  // The step continues while the guest releases the disk.
  const over = new AbortController();
  const detached = disk.detach(AbortSignal.any([signal, over.signal])).catch(() => undefined);
  disks.defer(async () => {
    const timer = setTimeout(() => over.abort(), releaseTimeout);
    await detached;
    clearTimeout(timer);
  });
  return result;
}
