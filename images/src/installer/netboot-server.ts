import { fileURLToPath } from "node:url";
import { execPath } from "node:process";
import { isObError, run } from "@ob/core";
import type { Argv } from "../disk/fakeroot.ts";

const childName = import.meta.url.endsWith(".ts") ? "./netboot-server-child.ts" : "./netboot-server-child.js";

/**
 * What to put in front of QEMU so that its guest finds the files of a directory at `http://10.0.2.2/`, port 80, as an
 * installer that was started over the network asks for them. QEMU's user network leads there to port 80 of the host's
 * own 127.0.0.1, which needs root and may be taken: so both run in a network namespace of their own, where there is
 * nothing else, and no way out. A host without user namespaces needs root and a free port.
 *
 * @param root absolute path of the directory.
 * @throws ObError `CANCELLED`.
 */
export async function netbootServer(
  root: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const child = fileURLToPath(new URL(childName, import.meta.url));
  const namespace = ["unshare", "--user", "--map-root-user", "--net", "--"] as const;
  const works = await run([...namespace, "ip", "link", "set", "lo", "up"], { signal }).then(
    () => true,
    (error: unknown) => {
      if (isObError(error, "TOOL_FAILED", "MISSING_TOOL")) return false;
      throw error;
    },
  );
  return [...(works ? namespace : []), execPath, child, works ? "own" : "host", root];
}

/** A command behind that prefix. */
export function behind(prefix: readonly string[], argv: Argv): Argv {
  const [program, ...args] = prefix;
  return program === undefined ? argv : [program, ...args, ...argv];
}
