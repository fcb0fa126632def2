import type { OnProgress, TransferProgress } from "@ob/registry";

/** How many transfers that have not come to their end are remembered. */
const mostOpen = 10_000;

/** Turns the progress of transfers, which is a sum for each blob, into what has moved since the last call. */
export function countTransfers(
  add: (direction: TransferProgress["direction"], bytes: number) => void,
): OnProgress {
  const open = new Map<string, number>();
  return ({ direction, digest, bytes, total }) => {
    const key = `${direction} ${digest}`;
    const before = open.get(key) ?? 0;
    // An upload that starts anew begins at 0.
    add(direction, bytes >= before ? bytes - before : bytes);
    if (open.size >= mostOpen) open.clear();
    if (bytes >= total) open.delete(key);
    else open.set(key, bytes);
  };
}
