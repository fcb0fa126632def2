import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";

/** Who a QEMU of root runs as. */
export interface VmUser {
  /** Its user id, and the id of its group: of no other VM, and of no account. */
  readonly id: number;
  /** The group of all VMs, which may read the disks that VMs share. */
  readonly readers: number;
}

export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/**
 * The ids that systemd's list of user ids (systemd.io/UIDS-GIDS) leaves unused, above those of containers. In a container that
 * has only 65,536 of them, those of systemd's dynamic users, of which a container has none.
 */
const ranges: readonly IdRange[] = [
  { first: 1_879_048_192, count: 2 ** 27 },
  { first: 61_184, count: 4_336 },
];

/** The ids that this process may change to, for VMs; undefined if its user namespace has none of them. */
export async function vmIds(): Promise<IdRange | undefined> {
  const maps = await Promise.all(
    ["uid_map", "gid_map"].map((file) => readFile(`/proc/self/${file}`, "utf8")),
  );
  return ranges.find((range) => maps.every((map) => isMapped(map, range)));
}

/** Chosen at random: no lock between processes is needed, and none can be left. The first id is that of the readers' group. */
export function newVmUser({ first, count }: IdRange): VmUser {
  return { id: first + randomInt(1, count), readers: first };
}

/** @param map the contents of /proc/PID/uid_map: lines of an id inside, one outside, and how many follow. */
export function isMapped(map: string, { first, count }: IdRange): boolean {
  return map.split("\n").some((line) => {
    const [inside, , length] = line.trim().split(/\s+/).map(Number);
    return (
      inside !== undefined && length !== undefined && inside <= first && first + count <= inside + length
    );
  });
}
