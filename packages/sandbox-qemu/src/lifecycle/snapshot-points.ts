import type { SnapshotPoint } from "@ob/core";
import type { GuestProfile } from "../guest/profile.ts";
import type { Guest } from "../guest/resolve-guest.ts";

/** Of the seed of a resumed guest, in bytes: twice what the kernel's generator keeps of it. */
export const seedLength = 64;

/**
 * The points at which a snapshot of a guest is taken: none of a guest that could not be given random numbers of its own after
 * it was resumed, or whose OS has its machine's identity in memory, where a snapshot keeps it.
 */
export function usableSnapshotPoints(
  { readyMarker, snapshotPoints }: Pick<Guest, "readyMarker" | "snapshotPoints">,
  { resumed, resumedWithSeed }: Pick<GuestProfile, "resumed" | "resumedWithSeed">,
): readonly SnapshotPoint[] {
  return (readyMarker ? resumed : resumedWithSeed) === undefined ? [] : snapshotPoints;
}
