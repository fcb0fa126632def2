import { type GuestOwner, ObError } from "@ob/core";

/** The greatest number that a uid or gid can be; one more means none. */
const maxId = 0xfffffffe;

/** @throws ObError `STEP_FAILED` if the guest's user has no numbers that can be an owner's. */
export function ownerIn(printed: string, name: string): GuestOwner {
  const [, uid, gid] = /^obuilder: the owner is (\d{1,10}):(\d{1,10})$/m.exec(printed) ?? [];
  if (uid !== undefined && gid !== undefined && Number(uid) <= maxId && Number(gid) <= maxId) {
    return { uid: Number(uid), gid: Number(gid) };
  }
  throw new ObError("STEP_FAILED", `The guest's user ${name} has no uid and gid in /etc/passwd.`);
}
