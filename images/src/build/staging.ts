import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { kill, pid } from "node:process";
import { errnoCode } from "@ob/core";

const pattern = /^\.making-(\d+)-/;

/** How the names of this process' temporary directories start. The dot hides them from those who list images. */
export function temporaryPrefix(): string {
  return `.making-${pid}-`;
}

/** Removes what processes that no longer live have left in a directory of images. */
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
