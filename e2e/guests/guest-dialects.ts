import type { KnownGuestOs } from "@ob/core";

/** How the same things are written for each guest. All have a Bourne shell for the step's commands. */
export interface GuestDialect {
  readonly workdir: string;
  /** The destination of `copy`, and the same directory in a command. */
  readonly copied: { readonly destination: string; readonly directory: string };
  readonly cache: string;
  /** The target of the cache in a command. */
  readonly cacheDirectory: string;
  /** Another target for it, and that in a command. */
  readonly otherCache: string;
  readonly otherCacheDirectory: string;
  readonly secret: { readonly target: string; readonly file: string };
  /** A shell of the step's own, and a pattern for the name that it prints. */
  readonly shell: { readonly words: string; readonly name: RegExp };
  readonly sha256: string;
  /** An explicit user other than the login user, and the output of `id` for it; undefined if there is none. */
  readonly otherUser: { readonly spec: string; readonly says: string } | undefined;
  readonly superuser: string;
  /** True if links in a copy are always preserved. */
  readonly keepsLinks: boolean;
}

const posix: GuestDialect = {
  workdir: "/home/WHO/deep/er",
  copied: { destination: "/srv/in", directory: "/srv/in" },
  cache: "/home/WHO/cache",
  cacheDirectory: "/home/WHO/cache",
  otherCache: "/srv/cache",
  otherCacheDirectory: "/srv/cache",
  secret: { target: "/run-secrets/token", file: "/run-secrets/token" },
  shell: { words: "/bin/sh -c", name: /^(\/bin\/)?sh$/m },
  sha256: "sha256sum",
  otherUser: { spec: "(user (uid 4321) (gid 1234))", says: "4321:1234" },
  superuser: "(user (uid 0) (gid 0))",
  keepsLinks: true,
};

const dialects: Readonly<Record<KnownGuestOs, GuestDialect>> = {
  linux: posix,
  // sha256 -q exists only on OpenBSD; cksum also exists on Linux.
  openbsd: { ...posix, sha256: "cksum -a sha256" },
  windows: {
    ...posix,
    workdir: "C:/Users/WHO/deep/er",
    copied: { destination: String.raw`C:\srv\in`, directory: "/cygdrive/c/srv/in" },
    cache: String.raw`C:\Users\WHO\cache`,
    cacheDirectory: "/cygdrive/c/Users/WHO/cache",
    otherCache: String.raw`C:\srv\cache`,
    otherCacheDirectory: "/cygdrive/c/srv/cache",
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
