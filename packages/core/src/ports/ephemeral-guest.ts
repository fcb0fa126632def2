import type { Emit } from "../events.ts";
import type { LayerId } from "../layer-id.ts";
import type { GuestAccess, GuestImage } from "./guest.ts";

/** A guest on a disk that is thrown away afterwards. */
export interface EphemeralGuestRequest {
  /** The layer that the disk shows, for messages and events. */
  readonly layer: LayerId;
  /** Absolute path of a writable qcow2 disk. It belongs to the visit until that is disposed of. */
  readonly disk: string;
  readonly image: GuestImage;
  /** By default `none`. */
  readonly network?: "none" | "host" | undefined;
}

export interface EphemeralGuestOptions {
  /** Ends the visit, and whatever runs in it. */
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

export interface ReadArchiveOptions {
  /** Base names to leave out at any depth. It is a hint: what comes nevertheless is the reader's to drop. */
  readonly exclude?: readonly string[] | undefined;
  /** Takes what a symbolic link at the end of the path leads to, in the place of the link. */
  readonly followLink?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A guest to look around in. Disposing ends it at once: nothing of it is kept. */
export interface EphemeralGuest extends GuestAccess, AsyncDisposable {
  /**
   * A tar archive of what stands at `path`, as the superuser sees it. Of a directory it has `./` and all that is below
   * it on the same file system; of anything else the one entry `./NAME`. A symbolic link at the end of the path stays
   * a link, unless the path ends in `/` or it is to be followed; those below a directory stay links. The iteration throws ObError `BAD_SOURCE` if nothing is there or the guest
   * cannot read it, `GUEST_LOST`, `CANCELLED`.
   *
   * @param path absolute in the guest.
   */
  readArchive(path: string, options?: ReadArchiveOptions): AsyncIterable<Uint8Array>;
}
