import { link, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exists, run, storeLayout, errnoCode } from "@ob/core";

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
  const file = join(storeLayout(store).sshKeys, "id_ed25519");
  if (!(await exists(file))) await makeKey(file, signal);
  const { stdout } = await run(["ssh-keygen", "-y", "-f", file], { signal });
  return { file, publicKey: stdout.trim() };
}

/** Beside its place first: whoever is killed leaves no half of a key, and of two at a time one's is taken. */
async function makeKey(file: string, signal: AbortSignal | undefined): Promise<void> {
  const directory = dirname(file);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const scratch = await mkdtemp(join(directory, ".new-"));
  try {
    const made = join(scratch, "key");
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "obuilder", "-f", made], { signal });
    await link(made, file);
    await rename(`${made}.pub`, `${file}.pub`);
  } catch (error) {
    if (errnoCode(error) !== "EEXIST") throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
