import { statfs } from "node:fs/promises";
import { ObError } from "@ob/core";
import { parseSize } from "../args/units.ts";

/** Of a file system, in bytes. */
export interface DiskSpace {
  /** What the user can still write. */
  readonly free: number;
  readonly total: number;
}

/** An amount of space: bytes, or a share of the disk that the store is on. */
export type Space =
  | { readonly kind: "bytes"; readonly bytes: number }
  /** From 0 to 100. */
  | { readonly kind: "percent"; readonly percent: number };

/**
 * Reads `10GB`, `20GiB` or `15%`. As BuildKit reads them, `GB` and `GiB` are the same. A number alone is refused: it would be
 * bytes for BuildKit, and gibibytes for the other options here.
 *
 * @throws ObError `USAGE`.
 */
export function parseSpace(text: string, flag: string): Space {
  const [, share] = /^(\d+(?:\.\d+)?)%$/.exec(text.trim()) ?? [];
  if (share !== undefined && Number(share) <= 100) return { kind: "percent", percent: Number(share) };
  if (/^0+$/.test(text.trim())) return { kind: "bytes", bytes: 0 };
  if (share === undefined && /[a-z]\s*$/i.test(text)) return { kind: "bytes", bytes: parseSize(text, flag) };
  throw new ObError("USAGE", `${flag}: invalid size ${JSON.stringify(text)}.`, {
    hint: "A number with a unit, such as 512MB or 20GiB, or a share of the disk, such as 15%.",
  });
}

/** That of the file system that a directory is on. */
export async function spaceAt(directory: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { free: bavail * bsize, total: blocks * bsize };
}

/** In bytes. */
export function bytesOf(space: Space, { total }: DiskSpace): number {
  return space.kind === "bytes" ? space.bytes : Math.round((total * space.percent) / 100);
}
