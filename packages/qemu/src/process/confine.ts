import { open, readdir, readFile } from "node:fs/promises";
import { searchPath } from "@ob/core";

/** What a child gets at a descriptor: see `stdio` of node:child_process. */
export type Stdio = "ignore" | "pipe" | number;

/** The environment of a process that a hostile guest talks to: nothing of ours but what programs need to be found. */
export function bareEnvironment(): Readonly<Record<string, string>> {
  const { LANG } = process.env;
  return { PATH: searchPath(), ...(LANG !== undefined && { LANG }) };
}

/** More descriptors than that are not covered: each number up to the highest takes a word when a process is started. */
const maxDescriptor = 4096;

/**
 * Starts a process that has no descriptors but those that it is given. Node.js closes its own in children, but not those that it
 * has inherited itself, such as a lock or a log of the program that started it.
 *
 * @param start gets `stdio`, with `/dev/null` in the place of each of those, and must fork before it returns.
 */
export async function withoutInheritedFiles<T>(
  stdio: readonly (Stdio | undefined)[],
  start: (stdio: Stdio[]) => T,
): Promise<T> {
  await using nothing = await open("/dev/null", "r+");
  const complete = [...stdio];
  for (const fd of await inheritedByChildren()) {
    if ((complete[fd] ?? "ignore") === "ignore" && fd > 2) complete[fd] = nothing.fd;
  }
  return start(Array.from(complete, (each) => each ?? "ignore"));
}

/** The open descriptors of this process that a child would have, too; empty on a host without /proc. */
async function inheritedByChildren(): Promise<readonly number[]> {
  const names = await readdir("/proc/self/fdinfo").catch(() => []);
  const inherited = await Promise.all(
    names.map(async (name) => ((await isInherited(name)) ? [Number(name)] : [])),
  );
  return inherited.flat().filter((fd) => fd <= maxDescriptor);
}

const closeOnExec = 0o2000000;

async function isInherited(name: string): Promise<boolean> {
  // One that was closed meanwhile has no file.
  const info = await readFile(`/proc/self/fdinfo/${name}`, "utf8").catch(() => "");
  const flags = /^flags:\s*([0-7]+)$/m.exec(info)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
}
