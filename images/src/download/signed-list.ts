import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isObError, ObError, run } from "@ob/core";
import type { Argv } from "../disk/fakeroot.ts";

/** The sha256 of each listed file, by file name. */
export type Checksums = ReadonlyMap<string, string>;

export interface SignedListOptions {
  /** Absolute path of an empty directory. */
  readonly directory: string;
  /** Name of the list for error messages: "Ubuntu's list of checksums". */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Verifies a list in the format of sha256sum against its detached OpenPGP signature and a keyring.
 *
 * @param list the list, its signature, and the absolute path of the keyring.
 * @throws ObError `BASE_IMAGE` if the signature is not valid, `MISSING_TOOL`, `CANCELLED`.
 */
export async function gpgSignedList(
  list: { readonly text: Uint8Array; readonly signature: Uint8Array; readonly keyring: string },
  options: SignedListOptions,
): Promise<Checksums> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const [text, signature] = [join(directory, "list"), join(directory, "list.gpg")];
  await Promise.all([writeFile(text, list.text), writeFile(signature, list.signature)]);
  await prove(["gpgv", "--homedir", directory, "--keyring", list.keyring, signature, text], options);
  return parseChecksums(await readFile(text, "utf8"), /^(?<sum>[0-9a-f]{64}) [ *](?<name>\S+)$/);
}

/**
 * Verifies OpenBSD's SHA256.sig: a list in BSD's format after its signify signature.
 *
 * @param list the file, and the public key in signify's format.
 * @throws ObError as `gpgSignedList`.
 */
export async function signifyList(
  list: { readonly text: Uint8Array; readonly publicKey: string },
  options: SignedListOptions,
): Promise<Checksums> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const at = (name: string): string => join(directory, name);
  await Promise.all([writeFile(at("SHA256.sig"), list.text), writeFile(at("key.pub"), list.publicKey)]);
  // -e: the message is in the same file as its signature, and is written to -m.
  const files = ["-p", at("key.pub"), "-x", at("SHA256.sig"), "-m", at("SHA256")];
  await prove(["signify-openbsd", "-V", "-e", ...files], options);
  return parseChecksums(
    await readFile(at("SHA256"), "utf8"),
    /^SHA256 \((?<name>\S+)\) = (?<sum>[0-9a-f]{64})$/,
  );
}

/** The checksum of one file. @throws ObError `BASE_IMAGE` if the list does not contain it. */
export function checksumOf(sums: Checksums, name: string, what: string): string {
  const sum = sums.get(name);
  if (sum !== undefined) return sum;
  throw new ObError("BASE_IMAGE", `${what} has no ${name}.`, {
    hint: "The list is of another release, or the file has another name now.",
  });
}

async function prove(argv: Argv, { what, signal }: SignedListOptions): Promise<void> {
  try {
    await run(argv, { signal });
  } catch (cause) {
    if (!isObError(cause, "TOOL_FAILED")) throw cause;
    throw new ObError("BASE_IMAGE", `The signature of ${what} is not right.\n${cause.message}`, {
      hint: "Do not use what it names. The list and its signature may have been fetched while they were renewed: try again.",
      cause,
    });
  }
}

function parseChecksums(text: string, line: RegExp): Checksums {
  const sums = new Map<string, string>();
  for (const each of text.split("\n")) {
    const { name, sum } = line.exec(each)?.groups ?? {};
    if (name !== undefined && sum !== undefined) sums.set(name, sum);
  }
  return sums;
}
