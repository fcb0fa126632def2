import { type GuestOs, guestOsNames, type KnownGuestOs, ObError } from "@ob/core";
import { linuxGuest } from "./linux/profile.ts";
import { openbsdGuest } from "./openbsd/profile.ts";
import type { GuestProfileFactory } from "./profile.ts";
import { windowsGuest } from "./windows/profile.ts";

/** Profiles by the names of their guest OS. */
export type GuestProfiles = Readonly<Record<string, GuestProfileFactory>>;

const builtIn: Readonly<Record<KnownGuestOs, GuestProfileFactory>> = {
  linux: linuxGuest,
  openbsd: openbsdGuest,
  windows: windowsGuest,
};

/**
 * @param extra profiles besides those that come with the sandbox; one of the same name takes its place.
 * @throws ObError `UNSUPPORTED` if there is none of that name.
 */
export function findProfile(os: GuestOs, extra: GuestProfiles = {}): GuestProfileFactory {
  const found = new Map<string, GuestProfileFactory>(Object.entries({ ...builtIn, ...extra })).get(os);
  if (found !== undefined) return found;
  const known = [...new Set([...guestOsNames, ...Object.keys(extra)])].join(", ");
  throw new ObError(
    "UNSUPPORTED",
    `There is no guest profile for ${JSON.stringify(os)}, only for ${known}.`,
    {
      hint: "docs/guests.md describes how to write a guest profile; --guest-profile=FILE loads one.",
    },
  );
}
