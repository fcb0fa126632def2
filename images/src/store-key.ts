import { access, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run, systemCode } from "@ob/core";

export interface StoreKey {
  /** Absolute path of the private key. */
  readonly file: string;
  /** The public key as a line of `authorized_keys`, without its end. */
  readonly publicKey: string;
}

/**
 * The store's own key, `state/ssh/id_ed25519`: one per store, made here when there is none yet, and never part of
 * anything that is given away.
 *
 * @throws ObError `MISSING_TOOL`, `TOOL_FAILED`, `CANCELLED`.
 */
export async function storeKey(
  store: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<StoreKey> {
  const file = join(store, "state", "ssh", "id_ed25519");
  if (!(await exists(file))) {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "obuilder", "-f", file], { signal });
  }
  const { stdout } = await run(["ssh-keygen", "-y", "-f", file], { signal });
  return { file, publicKey: stdout.trim() };
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}
