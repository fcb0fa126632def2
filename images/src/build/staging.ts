import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { kill, pid } from "node:process";
import { errnoCode } from "@ob/core";

const pattern = /^\.making-(\d+)-/;

/** Prefix of the names of this process's temporary directories. The leading dot keeps them out of image lists. */
export function temporaryPrefix(): string {
  return `.making-${pid}-`;
}

/** Removes what dead processes left in a directory of images. */
export async function removeStale(images: string): Promise<void> {
  for (const name of await readdir(images)) {
    const owner = pattern.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) {
      await rm(join(images, name), { recursive: true, force: true });
    }
  }
}

function isAlive(process: number): boolean {
  try {
    kill(process, 0);
    return true;
  } catch (error) {
    return errnoCode(error) === "EPERM";
  }
}
