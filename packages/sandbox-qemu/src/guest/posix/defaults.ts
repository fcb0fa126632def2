import type { GuestProfile } from "../profile.ts";

/** The parts of a profile that are the same for all POSIX systems. */
export const posixDefaults = {
  panicPattern: /(?!)/,
  sshReadyPattern: /^obuilder: ready\b/m,
  rootShell: undefined,
  copyTarget: (destination) => destination,
  copySource: (path) => path,
} satisfies Partial<GuestProfile>;
