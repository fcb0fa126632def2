import { open } from "node:fs/promises";
import { fileIdentity, findProgram } from "@ob/core";

/**
 * What tells an installed program from another version of it: its file, however it is linked. Undefined for a script, which may start
 * any program, for one that this user may start but not read, and for a program that is not installed.
 */
export async function programIdentity(name: string): Promise<string | undefined> {
  const file = await findProgram(name);
  if (file === undefined || (await mayBeScript(file))) return undefined;
  const { id } = await fileIdentity(file);
  return id;
}

async function mayBeScript(file: string): Promise<boolean> {
  await using handle = await open(file).catch(() => undefined);
  if (!handle) return true;
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return buffer.toString("latin1") === "#!";
}
