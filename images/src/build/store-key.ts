import { link, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exists, run, type StoreLayout, storeLayout, errnoCode } from "@ob/core";
import { syncPath } from "@ob/qcow2";
import { makeStaging, removeStale } from "./staging.ts";

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
  const layout = storeLayout(store);
  const file = join(layout.sshKeys, "id_ed25519");
  if (!(await exists(file))) await makeKey(file, layout, signal);
  const { stdout } = await run(["ssh-keygen", "-y", "-f", file], { signal });
  return { file, publicKey: stdout.trim() };
}

/** As `storeKey`, and clears what a process has left that was killed while it made the key. */
export async function completeStoreKey(
  store: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<StoreKey> {
  const key = await storeKey(store, options);
  const layout = storeLayout(store);
  await removeStale(layout.sshKeys, layout);
  const publicFile = `${key.file}.pub`;
  if (!(await exists(publicFile))) await writeFile(publicFile, `${key.publicKey}\n`, { mode: 0o600 });
  return key;
}

/**
 * Creates the key in a temporary directory and links it, so that a killed process leaves no partial key and of two
 * concurrent processes one wins. It is on disk before any image has its public key.
 */
async function makeKey(file: string, layout: StoreLayout, signal: AbortSignal | undefined): Promise<void> {
  const directory = dirname(file);
  await using scratch = await makeStaging(directory, layout);
  try {
    const made = join(scratch.path, "key");
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "obuilder", "-f", made], { signal });
    await syncPath(made);
    await link(made, file);
    await rename(`${made}.pub`, `${file}.pub`);
    for (const path of [directory, dirname(directory)]) await syncPath(path);
  } catch (error) {
    if (errnoCode(error) !== "EEXIST") throw error;
  }
}
