import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Flushes a file's contents, or a directory's entries, to disk. */
export async function syncPath(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

/** `syncPath` for everything below a directory, and last for the directory itself. */
export async function syncTree(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  }
  await syncPath(directory);
}
