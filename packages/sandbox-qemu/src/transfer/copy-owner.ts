import type { GuestImage, GuestOwner, GuestUser } from "@ob/core";
import { ownerIn } from "../guest/posix/find-owner.ts";
import type { GuestProfile } from "../guest/profile.ts";
import { runGuestCommand, type GuestConnection } from "../guest/guest-command.ts";

/** Owners as guests have reported them, by the image and the user's name. */
export type KnownOwners = Map<string, GuestOwner>;

/** The owner of the files of a copy. */
export interface CopyOwner {
  /** The known or likely owner, before the guest can be asked. Undefined if its files have no such owners. */
  readonly presumed: GuestOwner | undefined;
  /**
   * Asks the guest if necessary.
   *
   * @throws ObError `STEP_FAILED` for a user that the guest does not have; as `runGuestCommand`.
   */
  confirm(guest: GuestConnection): Promise<GuestOwner | undefined>;
}

export interface CopyOwnerOptions {
  readonly profile: GuestProfile;
  readonly loginUser: string;
  readonly image: GuestImage;
  readonly known: KnownOwners;
}

/** The first user that is usually created. */
const firstUser: GuestOwner = { uid: 1000, gid: 1000 };
const root: GuestOwner = { uid: 0, gid: 0 };

/** A user by number is the owner itself; a name is resolved by the guest; without a user it is the login user. */
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
