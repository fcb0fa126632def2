import { type GuestOwner, ObError } from "@ob/core";

/** The greatest valid uid or gid. The next number, -1 in 32 bits, means "unchanged" to chown. */
const maxId = 0xfffffffe;

/**
 * The owner that the guest's findOwner script has printed.
 *
 * @throws ObError `STEP_FAILED` if the user's uid or gid is not a valid owner.
 */
export function ownerIn(printed: string, name: string): GuestOwner {
  const [, uid, gid] = /^obuilder: the owner is (\d{1,10}):(\d{1,10})$/m.exec(printed) ?? [];
  if (uid !== undefined && gid !== undefined && Number(uid) <= maxId && Number(gid) <= maxId) {
    return { uid: Number(uid), gid: Number(gid) };
  }
  throw new ObError("STEP_FAILED", `The guest's user ${name} has no uid and gid in /etc/passwd.`);
}
