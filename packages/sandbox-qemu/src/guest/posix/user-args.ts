import type { GuestUser } from "@ob/core";

/** A user as the scripts' arguments: `uid UID GID`, or `name NAME` and an empty argument. Undefined is the login user. */
export function userArgs(user: GuestUser | undefined, loginUser: string): readonly string[] {
  if (user === undefined) return ["name", loginUser, ""];
  return "name" in user ? ["name", user.name, ""] : ["uid", String(user.uid), String(user.gid)];
}
