import type { GuestOs, GuestUser } from "@ob/core";
import { linuxVisit } from "./linux-visit.ts";
import { openbsdVisit } from "./openbsd-visit.ts";
import type { GuestCommand } from "./profile.ts";
import { windowsVisit } from "./windows-visit.ts";

/** What differs between guests that are only looked into; see `GuestProfile` for what steps need. */
export interface VisitCommands {
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

export function visitCommands(os: GuestOs, loginUser: string): VisitCommands {
  switch (os) {
    case "linux":
      return linuxVisit(loginUser);
    case "openbsd":
      return openbsdVisit(loginUser);
    case "windows":
      return windowsVisit();
  }
}
