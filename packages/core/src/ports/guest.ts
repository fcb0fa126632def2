import type { Readable } from "node:stream";
import type { ImageManifest } from "../image-manifest.ts";

/* What both ports of a guest speak of: `sandbox.ts` runs steps, `ephemeral-guest.ts` opens layers. */

/** Who runs a command in the guest. */
export type GuestUser = GuestOwner | { readonly name: string };

/** A user and a group by number. */
export interface GuestOwner {
  readonly uid: number;
  readonly gid: number;
}

/** The base image under a guest's disk, as far as the sandbox must know it. */
export interface GuestImage {
  /** Undefined for an image without a manifest: then the sandbox's own defaults (the flags) describe it. */
  readonly manifest: ImageManifest | undefined;
  /** Absolute path of the directory that the manifest's relative paths start from. */
  readonly manifestDirectory: string;
}

/** A terminal, as a program in the guest sees it. */
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
  /** Not used with a `tty`: a terminal has one output. */
  readonly errors: NodeJS.WritableStream;
  /** Undefined: the program sees pipes. */
  readonly tty: Tty | undefined;
}

export interface ExecRequest {
  /** Program and arguments, verbatim; empty for the user's login shell. */
  readonly command: readonly string[];
  /** By default the step's user at a failed step, elsewhere the image's login user. */
  readonly user?: GuestUser | undefined;
  readonly stdio: Stdio;
}

/** Access to a running guest. */
export interface GuestAccess {
  /**
   * Runs a program at a terminal, or with pipes. None of the streams is closed.
   *
   * @returns its exit status; 128 and the signal's number if a signal ended it.
   * @throws ObError `GUEST_LOST`, `CANCELLED`, `UNSUPPORTED` for a user whom the guest cannot run it as.
   */
  execInteractive(request: ExecRequest, signal?: AbortSignal): Promise<number>;
}
