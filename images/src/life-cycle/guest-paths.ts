import type { GuestOs } from "@ob/core";

/** Where the check has its files in a guest, all below one directory that it makes. */
export interface GuestPaths {
  /** As a spec has it: a workdir, a destination, a target. */
  readonly inSpec: (name: string) => string;
  /** The same path in a command, for a Bourne shell. */
  readonly inCommand: (name: string) => string;
}

const posix: GuestPaths = {
  inSpec: (name) => `/srv/obuilder-check/${name}`,
  inCommand: (name) => `/srv/obuilder-check/${name}`,
};

/** In a spec `C:/`, so that Cygwin and Windows mean the same directory. */
const windows: GuestPaths = {
  inSpec: (name) => `C:/obuilder-check/${name}`,
  inCommand: (name) => `/cygdrive/c/obuilder-check/${name}`,
};

export function guestPaths(os: GuestOs): GuestPaths {
  return os === "windows" ? windows : posix;
}
