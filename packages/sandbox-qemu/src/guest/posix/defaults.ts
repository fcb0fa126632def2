import type { GuestProfile } from "../profile.ts";

/** What a profile of a POSIX system need not say itself. */
export const posixDefaults = {
  panicPattern: /(?!)/,
  sshReadyPattern: /^obuilder: ready\b/m,
  rootShell: undefined,
  copyTarget: (destination) => destination,
  copySource: (path) => path,
} satisfies Partial<GuestProfile>;
