import type { Emit } from "../events.ts";
import type { LayerId } from "../layer-id.ts";
import type { GuestAccess, GuestImage } from "./guest.ts";

/** An ephemeral guest: a virtual machine on a disk that is deleted afterwards. */
export interface EphemeralGuestRequest {
  /** The layer that the disk is based on, for messages and events. */
  readonly layer: LayerId;
  /** Absolute path of a writable qcow2 disk. It belongs to the guest until that is disposed of. */
  readonly disk: string;
  readonly image: GuestImage;
  /** By default `none`. */
  readonly network?: "none" | "host" | undefined;
}

export interface EphemeralGuestOptions {
  /** Ends the guest, and everything that runs in it. */
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

export interface ReadArchiveOptions {
  /** Base names to leave out at any depth. It is a hint: the reader drops the entries that are in the archive nevertheless. */
  readonly exclude?: readonly string[] | undefined;
  /** Archives the target of a symbolic link at the end of the path in place of the link. */
  readonly followLink?: boolean | undefined;
  /** Archives what every symbolic link leads to, also below a directory, in place of the links. One that leads nowhere is left out; one to a directory around it is an error. */
  readonly followAllLinks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A guest for reading files and running programs. Disposing ends it at once: nothing of it is kept. */
export interface EphemeralGuest extends GuestAccess, AsyncDisposable {
  /**
   * A tar archive of what is at `path`, as root sees it. Of a directory it has `./` and all that is below it on the same
   * file system; of anything else the one entry `./NAME`. A symbolic link at the end of the path is archived as a link,
   * unless the path ends in `/` or `followLink` is set; those below a directory are links unless `followAllLinks` is set. The iteration throws
   * ObError `BAD_SOURCE` if nothing is there or the guest cannot read it, `GUEST_LOST`, `CANCELLED`.
   *
   * @param path absolute in the guest.
   */
  readArchive(path: string, options?: ReadArchiveOptions): AsyncIterable<Uint8Array>;
}
