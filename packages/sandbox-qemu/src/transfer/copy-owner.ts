import type { GuestImage, GuestOwner, GuestUser } from "@ob/core";
import { ownerIn } from "../guest/posix/find-owner.ts";
import type { GuestProfile } from "../guest/profile.ts";
import { runGuestCommand, type GuestConnection } from "../guest/guest-command.ts";

/** What the guests of an image have said of their users, by the image and the user's name. */
export type KnownOwners = Map<string, GuestOwner>;

/** Whom the files of a copy belong to. */
export interface CopyOwner {
  /** Known, or likely, before the guest can be asked. Undefined where its files have no such owners. */
  readonly presumed: GuestOwner | undefined;
  /**
   * Asks the guest where it has to be asked.
   *
   * @throws ObError `STEP_FAILED` for a user that the guest does not have; as `perform`.
   */
  confirm(guest: GuestConnection): Promise<GuestOwner | undefined>;
}

export interface CopyOwnerOptions {
  readonly profile: GuestProfile;
  readonly loginUser: string;
  readonly image: GuestImage;
  readonly known: KnownOwners;
}

/** The first user that a system makes. */
const firstUser: GuestOwner = { uid: 1000, gid: 1000 };
const root: GuestOwner = { uid: 0, gid: 0 };

/** A user by number is the owner, without one it is the login user, and one by name is whom the guest takes for it. */
export function copyOwner(user: GuestUser | undefined, options: CopyOwnerOptions): CopyOwner {
  const { profile, loginUser, image, known } = options;
  const { findOwner } = profile;
  if (!findOwner) return fixed(undefined);
  if (user !== undefined && "uid" in user) return fixed(user);
  const name = user?.name ?? loginUser;
  if (name === "root") return fixed(root);
  const key = JSON.stringify([image.manifestDirectory, image.manifest?.name, name]);
  return {
    presumed: known.get(key) ?? firstUser,
    confirm: async (guest) => {
      const owner = ownerIn(await runGuestCommand(findOwner(name), guest), name);
      known.set(key, owner);
      return owner;
    },
  };
}

function fixed(owner: GuestOwner | undefined): CopyOwner {
  return { presumed: owner, confirm: () => Promise.resolve(owner) };
}
