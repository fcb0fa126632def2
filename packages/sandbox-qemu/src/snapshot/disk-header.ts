import { isEmptyDisk, readQcowHeader, resolveBacking } from "@ob/qcow2";

/** What a snapshot must know of a qcow2 disk. */
export interface DiskHeader {
  /** As the guest sees it, in bytes. */
  readonly virtualSize: number;
  /** The backing file as written in the header, and its absolute path. */
  readonly backing: { readonly text: string; readonly path: string } | undefined;
  /** True if the disk has no data of its own: it shows its backing file. */
  readonly fresh: boolean;
}

/** @returns undefined for what is not a qcow2 disk. Rejects with Node's own error if it cannot be read. */
export async function readDiskHeader(path: string): Promise<DiskHeader | undefined> {
  const header = await readQcowHeader(path);
  if (!header) return undefined;
  const { virtualSize, backing: text } = header;
  const backing = text === undefined ? undefined : { text, path: resolveBacking(path, text) };
  return { virtualSize, backing, fresh: await isEmptyDisk(path) };
}
