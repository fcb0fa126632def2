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
 * Finds the profile of a guest OS.
 *
 * @param extra additional profiles; one with a built-in name replaces that one.
 * @throws ObError `UNSUPPORTED` if no profile has that name.
 */
export function findProfile(os: GuestOs, extra: GuestProfiles = {}): GuestProfileFactory {
  const found = new Map<string, GuestProfileFactory>(Object.entries({ ...builtIn, ...extra })).get(os);
  if (found !== undefined) return found;
  const known = [...new Set([...guestOsNames, ...Object.keys(extra)])].join(", ");
  throw new ObError(
    "UNSUPPORTED",
    `There is no guest profile for ${JSON.stringify(os)}, only for ${known}.`,
    {
      hint: "docs/guests.md describes how to write a guest profile.",
      data: { option: "profiles" },
    },
  );
}
