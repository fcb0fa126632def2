import type { GuestOs, GuestUser } from "@ob/core";
import { linuxAccess } from "./linux/access.ts";
import { openbsdAccess } from "./openbsd/access.ts";
import type { GuestCommand } from "./profile.ts";
import { windowsAccess } from "./windows/access.ts";

/** What differs between guests that are only looked into; see `GuestProfile` for what steps need. */
export interface AccessCommands {
  /** Writes the archive of `GuestVisit.readArchive` on its standard output. */
  pack(path: string, exclude: readonly string[], options?: PackOptions): GuestCommand;
  /**
   * Runs a program, or their login shell if there are no words, as that user, with the standard input it is given.
   * Undefined where the guest has no way to do that.
   */
  readonly asUser: ((user: GuestUser, words: readonly string[]) => string) | undefined;
}

export interface PackOptions {
  /** See `ReadArchiveOptions.followLink`. */
  readonly followLink?: boolean | undefined;
}

export function accessCommands(os: GuestOs, loginUser: string): AccessCommands {
  switch (os) {
    case "linux":
      return linuxAccess(loginUser);
    case "openbsd":
      return openbsdAccess(loginUser);
    case "windows":
      return windowsAccess();
  }
}
