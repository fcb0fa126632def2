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

export interface GpgListOptions extends SignedListOptions {
  /** An older signature is refused, in days: a mirror could serve an old list, with old faults in what it names, forever. */
  readonly maxAgeDays: number;
}

/**
 * Verifies a list in the format of sha256sum against its detached OpenPGP signature and a keyring.
 *
 * @param list the list, its signature, and the absolute path of the keyring.
 * @throws ObError `BASE_IMAGE` if the signature is not valid or too old, `MISSING_TOOL`, `CANCELLED`.
 */
export async function gpgSignedList(
  list: { readonly text: Uint8Array; readonly signature: Uint8Array; readonly keyring: string },
  options: GpgListOptions,
): Promise<Checksums> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const [text, signature] = [join(directory, "list"), join(directory, "list.gpg")];
  await Promise.all([writeFile(text, list.text), writeFile(signature, list.signature)]);
  const gpgv = ["gpgv", "--homedir", directory, "--status-fd", "1"] as const;
  assertFresh(await prove([...gpgv, "--keyring", list.keyring, signature, text], options), options);
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

/**
 * Compares the date of a signature with today's.
 *
 * @param status what gpgv has written to its status descriptor. The line `VALIDSIG FINGERPRINT DATE SECONDS …` is
 *   described in GnuPG's doc/DETAILS.
 */
function assertFresh(status: string, { what, maxAgeDays }: GpgListOptions): void {
  const seconds = /^\[GNUPG:\] VALIDSIG [0-9A-F]+ [0-9-]+ (?<seconds>\d+) /m.exec(status)?.groups?.[
    "seconds"
  ];
  const days = (Date.now() / 1_000 - Number(seconds)) / 86_400;
  // Clocks differ a little.
  if (days >= -1 && days <= maxAgeDays) return;
  const age = Number.isNaN(days)
    ? "has no date"
    : days < 0
      ? `is from ${Math.ceil(-days)} days in the future`
      : `is ${Math.floor(days)} days old`;
  throw new ObError(
    "BASE_IMAGE",
    `The signature of ${what} ${age}; at most ${maxAgeDays} days are accepted.`,
    {
      hint: "The mirror may be out of date, or the clock of this host may be wrong.",
    },
  );
}

/** Runs the program that verifies a signature. Returns its standard output. */
async function prove(argv: Argv, { what, signal }: SignedListOptions): Promise<string> {
  try {
    return (await run(argv, { signal })).stdout;
  } catch (cause) {
    if (!isObError(cause, "TOOL_FAILED")) throw cause;
    throw new ObError("BASE_IMAGE", `The signature of ${what} is not valid.\n${cause.message}`, {
      hint: "Do not use what it names. The list and its signature may have been downloaded while the mirror was being updated: try again.",
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
