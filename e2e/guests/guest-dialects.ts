import type { KnownGuestOs } from "@ob/core";

/** How the same things are written for each guest. All have a Bourne shell for the step's commands. */
export interface GuestDialect {
  readonly workdir: string;
  /** `copy`'s destination, and the same place for a command. */
  readonly copied: { readonly destination: string; readonly directory: string };
  readonly cache: string;
  /** The cache's target, for a command. */
  readonly cacheDirectory: string;
  readonly secret: { readonly target: string; readonly file: string };
  /** A shell of the step's own, and what it says its name is. */
  readonly shell: { readonly words: string; readonly name: RegExp };
  readonly sha256: string;
  /** An explicit user who is not the login user, and what `id` says of it; undefined where there is none. */
  readonly otherUser: { readonly spec: string; readonly says: string } | undefined;
  readonly superuser: string;
  /** True if links in a copy are certain to arrive. */
  readonly keepsLinks: boolean;
}

const posix: GuestDialect = {
  workdir: "/home/WHO/deep/er",
  copied: { destination: "/srv/in", directory: "/srv/in" },
  cache: "/home/WHO/cache",
  cacheDirectory: "/home/WHO/cache",
  secret: { target: "/run-secrets/token", file: "/run-secrets/token" },
  shell: { words: "/bin/sh -c", name: /^(\/bin\/)?sh$/m },
  sha256: "sha256sum",
  otherUser: { spec: "(user (uid 4321) (gid 1234))", says: "4321:1234" },
  superuser: "(user (uid 0) (gid 0))",
  keepsLinks: true,
};

const dialects: Readonly<Record<KnownGuestOs, GuestDialect>> = {
  linux: posix,
  // sha256 -q is OpenBSD's own; cksum is there as well, and on Linux.
  openbsd: { ...posix, sha256: "cksum -a sha256" },
  windows: {
    ...posix,
    workdir: "C:/Users/WHO/deep/er",
    copied: { destination: String.raw`C:\srv\in`, directory: "/cygdrive/c/srv/in" },
    cache: String.raw`C:\Users\WHO\cache`,
    cacheDirectory: "/cygdrive/c/Users/WHO/cache",
    secret: { target: "C:/run-secrets/token", file: "/cygdrive/c/run-secrets/token" },
    shell: { words: "/usr/bin/env bash -c", name: /^bash$/m },
    otherUser: undefined,
    superuser: "(user (name WHO))",
    keepsLinks: false,
  },
};

export function dialectOf(os: KnownGuestOs, loginUser: string): GuestDialect {
  const who = (text: string): string => text.replaceAll("WHO", loginUser);
  const own = dialects[os];
  return {
    ...own,
    workdir: who(own.workdir),
    cache: who(own.cache),
    cacheDirectory: who(own.cacheDirectory),
    superuser: who(own.superuser),
  };
}
