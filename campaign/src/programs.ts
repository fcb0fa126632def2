import { mkdir, readdir, symlink } from "node:fs/promises";
import path from "node:path";
import { errnoCode } from "@ob/core";

/**
 * Makes a directory of links to all programs of `PATH` but one.
 *
 * @param into absolute path of the directory; several processes can make it at the same time.
 * @returns it.
 */
export async function linkOtherPrograms(left: string, { into }: { readonly into: string }): Promise<string> {
  await mkdir(into, { recursive: true });
  const linked = new Set([left, ...(await readdir(into))]);
  for (const directory of (process.env["PATH"] ?? "").split(path.delimiter)) {
    if (!path.isAbsolute(directory)) continue;
    for (const name of await readdir(directory).catch(() => [])) {
      if (linked.has(name)) continue;
      linked.add(name);
      await symlink(path.join(directory, name), path.join(into, name)).catch((error: unknown) => {
        if (errnoCode(error) !== "EEXIST") throw error;
      });
    }
  }
  return into;
}
