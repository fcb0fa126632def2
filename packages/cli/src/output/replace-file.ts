import { lstat, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { errnoCode, isObError, ObError, partialBeside } from "@ob/core";

/**
 * Replaces the contents of a file at once: whoever reads it sees the old contents or the new ones. It keeps its mode and, as far as
 * this user may give files away, its owner.
 *
 * @throws ObError `USAGE` if the file cannot be replaced, or is a symbolic link or something else than a file: what a link leads
 *   to may be anywhere.
 */
export async function replaceFile(file: string, contents: Uint8Array): Promise<void> {
  const fresh = await partialBeside(path.resolve(file));
  try {
    const { mode, uid, gid } = await checkedStat(file);
    await using handle = await open(fresh, "wx", 0o600);
    await handle.writeFile(contents);
    await handle.chown(uid, gid).catch((error: unknown) => {
      if (errnoCode(error) !== "EPERM") throw error;
    });
    await handle.chmod(mode & 0o7777);
    await handle.sync();
    await rename(fresh, file);
  } catch (cause) {
    await rm(fresh, { force: true });
    if (isObError(cause) || errnoCode(cause) === undefined) throw cause;
    throw new ObError("USAGE", `${file} cannot be written.`, { cause });
  }
}

async function checkedStat(file: string) {
  const stat = await lstat(file);
  if (stat.isSymbolicLink()) {
    throw new ObError("USAGE", `${file} is a symbolic link, which is not written through.`, {
      hint: "Name the file that it leads to.",
    });
  }
  if (!stat.isFile()) throw new ObError("USAGE", `${file} is not a file.`);
  return stat;
}
