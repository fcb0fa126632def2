import { readQcowHeader, resolveBacking } from "@ob/qcow2";
import { errnoCode } from "@ob/core";

/** A longer chain is a circle. */
const maxLength = 1_000;

/**
 * The absolute paths of the files that QEMU reads below a qcow2 disk. A file that cannot be read ends the chain: QEMU says why.
 */
export async function backingFiles(disk: string): Promise<readonly string[]> {
  const found: string[] = [];
  let file = disk;
  while (found.length < maxLength) {
    const backing = await backingOf(file);
    if (backing === undefined) break;
    file = resolveBacking(file, backing);
    found.push(file);
  }
  return found;
}

async function backingOf(file: string): Promise<string | undefined> {
  try {
    return (await readQcowHeader(file))?.backing;
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return undefined;
  }
}
