import { fileURLToPath } from "node:url";
import { execPath } from "node:process";
import { isObError, run } from "@ob/core";

const childName = import.meta.url.endsWith(".ts") ? "./netboot-server-child.ts" : "./netboot-server-child.js";

/**
 * Prefix for QEMU that serves a directory to the guest at `http://10.0.2.2/`, port 80, where an installer that was
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
