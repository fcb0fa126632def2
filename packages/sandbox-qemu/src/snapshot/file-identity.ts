import { stat } from "node:fs/promises";
import { systemCode } from "@ob/core";

/** A file as it was at some time: one that was changed or replaced since has another `id`. */
export interface FileIdentity {
  /** Absolute path. */
  readonly path: string;
  readonly id: string;
}

/** Rejects with Node's own error if there is no such file. */
export async function identityOfFile(path: string): Promise<FileIdentity> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  return { path, id: [dev, ino, size, mtimeNs].join(" ") };
}

/** True if the file is still the same. */
export async function isSameFile({ path, id }: FileIdentity): Promise<boolean> {
  try {
    return (await identityOfFile(path)).id === id;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
}
