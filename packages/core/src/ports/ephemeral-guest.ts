import type { Readable } from "node:stream";
import type { Emit } from "../events.ts";
import type { LayerId } from "../layer-id.ts";
import type { GuestImage, GuestUser } from "./sandbox.ts";

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

/** The screen of a person. */
export interface Tty {
  /** What programs find in `TERM`. */
  readonly kind: string;
  /** In characters. */
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** Calls `listener` whenever the size has changed, until it is disposed of. */
  readonly onResize: (listener: () => void) => Disposable;
}

/** Where a program in the guest reads from and writes to. */
export interface Stdio {
  readonly input: Readable;
  readonly output: NodeJS.WritableStream;
  /** Not used where there is a screen: a terminal knows one output. */
  readonly errors: NodeJS.WritableStream;
  /** None: the program sees pipes. */
  readonly tty: Tty | undefined;
}

export interface ExecRequest {
  /** Program and arguments, each as it stands; empty for the user's login shell. */
  readonly command: readonly string[];
  /** None: at a failed step the step's user, elsewhere the image's login user. */
  readonly user?: GuestUser | undefined;
  readonly stdio: Stdio;
}

/** The way into a guest that runs. */
export interface GuestAccess {
  /**
   * Runs a program for a person, or for the program at the other end of the pipes. Nothing of the terminal is closed.
   *
   * @returns its exit status; 128 and the signal's number if a signal ended it.
   * @throws ObError `GUEST_LOST`, `CANCELLED`, `UNSUPPORTED` for a user whom the guest cannot run it as.
   */
  execInteractive(interaction: ExecRequest, signal?: AbortSignal): Promise<number>;
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
