import { link, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exists, run, storeLayout, errnoCode } from "@ob/core";
import { syncPath } from "@ob/qcow2";

export interface StoreKey {
  /** Absolute path of the private key. */
  readonly file: string;
  /** The public key as a line of `authorized_keys`, without the newline. */
  readonly publicKey: string;
}

/**
 * The store's own SSH key, `state/ssh/id_ed25519`. There is one per store, created on first use. The private key is
 * never part of an image.
 *
 * @throws ObError `MISSING_TOOL`, `TOOL_FAILED`, `CANCELLED`.
 */
export async function storeKey(
  store: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<StoreKey> {
  const file = join(storeLayout(store).sshKeys, "id_ed25519");
  if (!(await exists(file))) await makeKey(file, signal);
  const { stdout } = await run(["ssh-keygen", "-y", "-f", file], { signal });
  return { file, publicKey: stdout.trim() };
}

/**
 * Creates the key in a temporary directory and links it, so that a killed process leaves no partial key and of two
 * concurrent processes one wins. It is on disk before any image has its public key.
 */
async function makeKey(file: string, signal: AbortSignal | undefined): Promise<void> {
  const directory = dirname(file);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const scratch = await mkdtemp(join(directory, ".new-"));
  try {
    const made = join(scratch, "key");
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "obuilder", "-f", made], { signal });
    await syncPath(made);
    await link(made, file);
    await rename(`${made}.pub`, `${file}.pub`);
    for (const path of [directory, dirname(directory)]) await syncPath(path);
  } catch (error) {
    if (errnoCode(error) !== "EEXIST") throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
