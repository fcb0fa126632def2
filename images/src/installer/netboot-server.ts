import { fileURLToPath } from "node:url";
import { execPath, getuid } from "node:process";
import { isObError, run } from "@ob/core";

const childName = import.meta.url.endsWith(".ts") ? "./netboot-server-child.ts" : "./netboot-server-child.js";

/**
 * `RunInstallerOptions.prefix` that serves a directory to the guest at `http://10.0.2.2/`, port 80, where an installer that was
 * started by netboot requests its files. QEMU's user network forwards that address to port 80 of the host's
 * 127.0.0.1, which needs root and may be in use. Therefore both run in a network namespace of their own, with nothing
 * else in it and no route out. A host without user namespaces needs root and a free port.
 *
 * @param root absolute path of the directory.
 * @throws ObError `CANCELLED`.
 */
export async function netbootServer(
  root: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const child = fileURLToPath(new URL(childName, import.meta.url));
  const namespace = await ownNetwork(signal);
  return [...(namespace ?? []), execPath, child, namespace ? "own" : "host", root];
}

/** Root's QEMU gets a user of its own, for which a user namespace would have no id. */
const namespaces = [
  ...(getuid?.() === 0 ? [["unshare", "--net", "--"] as const] : []),
  ["unshare", "--user", "--map-root-user", "--net", "--"] as const,
];

/** The command of a network namespace; undefined where this host does not permit one. */
async function ownNetwork(signal: AbortSignal | undefined): Promise<readonly string[] | undefined> {
  for (const command of namespaces) {
    try {
      await run([...command, "ip", "link", "set", "lo", "up"], { signal });
      return command;
    } catch (error) {
      if (!isObError(error, "TOOL_FAILED", "MISSING_TOOL")) throw error;
    }
  }
  return undefined;
}
