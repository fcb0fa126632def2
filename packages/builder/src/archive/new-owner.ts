import type { OpenArchiveOptions } from "@ob/core";
import type { ArchiveEntry } from "./reader/read-tar.ts";
import { type Owner, ownership, root } from "./tar-header.ts";

/** The owner of the entries in a new archive. */
export type NewOwner =
  /** As in the layer. */
  | { readonly kind: "same" }
  /** The owner of the copy in another guest. */
  | ({ readonly kind: "new" } & OpenArchiveOptions)
  /** The user who unpacks the archive. */
  | { readonly kind: "reader" };

/** The part of an entry's new header with its owner and time. */
export function ownerAndTime(header: ArchiveEntry, owner: NewOwner): ReturnType<typeof ownership> {
  return ownership(newOwnerOf(header, owner), header.mtime);
}

function newOwnerOf({ uid, gid, uname, gname }: ArchiveEntry, owner: NewOwner): Owner {
  switch (owner.kind) {
    case "same":
      return { uid, gid, userName: uname, groupName: gname };
    case "new":
      return owner.owner ?? root;
    case "reader":
      return root;
  }
}

const setUserId = 0o4000;
const setGroupId = 0o2000;

/** The new mode: a new owner does not get the set-user-id and set-group-id bits of another. */
export function modeOf(header: ArchiveEntry, owner: NewOwner): number {
  if (header.type === "symlink") return 0o777;
  const { mode } = header;
  if (owner.kind === "same") return mode;
  const { uid, gid } = newOwnerOf(header, owner);
  const known = owner.kind === "new";
  const lost = (known && uid === header.uid ? 0 : setUserId) | (known && gid === header.gid ? 0 : setGroupId);
  return mode & ~lost;
}

/** True for an extended attribute that is kept. The host's user must not be given the rights that one of the guest grants. */
export function keepsXattr(name: string, owner: NewOwner): boolean {
  return owner.kind !== "reader" || name.startsWith("user.");
}
