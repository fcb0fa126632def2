import { fileIdentity } from "@ob/core";
import type { OpenedDisk } from "@ob/qemu";

/** Tells a disk from any other, even after it was renamed. */
export interface ClosedDisk {
  readonly identity: string;
  /** In bytes. */
  readonly virtualSize: number;
}

/** The guest has cached what it read: what it reads from now on must be the same bytes. */
export async function isChildDisk(
  previous: ClosedDisk,
  { virtualSize, backing }: OpenedDisk,
): Promise<boolean> {
  if (backing === undefined || virtualSize !== previous.virtualSize) return false;
  return (await diskIdentity(backing)) === previous.identity;
}

/** What renaming a file does not change. */
export async function diskIdentity(file: string): Promise<string> {
  return (await fileIdentity(file)).id;
}
