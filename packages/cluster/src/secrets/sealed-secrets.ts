import { errorMessage, ObError } from "@ob/core";
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import * as v from "valibot";
import { parseJson } from "../redis/parse-json.ts";

/** The largest that all secrets of a build may be together, in bytes. */
const largest = 2 ** 20;

const secretsSchema = v.strictObject({
  v: v.literal(1),
  /** The build that they are for: see `planDigest`. */
  plan: v.string(),
  /** Each secret's contents in base64, by its id. */
  secrets: v.record(v.pipe(v.string(), v.maxLength(1_000)), v.pipe(v.string(), v.base64())),
});

/** @throws ObError `USAGE` if there is no key. */
export function checkRecipients(recipients: readonly string[]): void {
  if (recipients.length > 0) return;
  throw new ObError("USAGE", "The build has secrets, and no public key was given to seal them with.", {
    hint: "Give the key of the pool that builds it.",
  });
}

/**
 * Seals secrets so that only the workers of a pool can read them, for one build: whoever sees what was sealed cannot have it
 * opened for a spec of their own.
 *
 * @param recipients the public keys of the pools, `age1…`.
 * @param plan the `planDigest` of the build.
 * @returns base64.
 * @throws ObError `BAD_SECRET` if they are too large, `USAGE` if there is no key or one is not a key.
 */
export async function sealSecrets(
  secrets: ReadonlyMap<string, Uint8Array>,
  { recipients, plan }: { readonly recipients: readonly string[]; readonly plan: string },
): Promise<string> {
  checkRecipients(recipients);
  const contents = [...secrets].map(([id, bytes]) => [id, Buffer.from(bytes).toString("base64")] as const);
  const text = JSON.stringify({ v: 1, plan, secrets: Object.fromEntries(contents) });
  if (text.length > largest) {
    throw new ObError("BAD_SECRET", `The secrets of a build may have ${largest} bytes together.`);
  }
  try {
    const encrypter = new Encrypter();
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    return Buffer.from(await encrypter.encrypt(text)).toString("base64");
  } catch (cause) {
    throw new ObError("USAGE", `The secrets cannot be sealed: ${errorMessage(cause)}`, {
      cause,
      hint: "A public key of age begins with age1.",
    });
  }
}

/**
 * Opens what `sealSecrets` has sealed.
 *
 * @param identity the private key of the pool, `AGE-SECRET-KEY-1…`.
 * @param plan the `planDigest` of the build.
 * @throws ObError `BAD_SECRET` if it was sealed for another key or another build, or there is no key.
 */
export async function openSecrets(
  sealed: string,
  { identity, plan }: { readonly identity: string | undefined; readonly plan: string },
): Promise<ReadonlyMap<string, Uint8Array>> {
  if (identity === undefined) {
    throw new ObError(
      "BAD_SECRET",
      "The build has secrets, and this worker has no private key to open them.",
    );
  }
  if (sealed.length > 2 * largest) throw new ObError("BAD_SECRET", "The sealed secrets are too large.");
  let text: string;
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    text = await decrypter.decrypt(Buffer.from(sealed, "base64"), "text");
  } catch (cause) {
    throw new ObError("BAD_SECRET", `The secrets of the build cannot be opened: ${errorMessage(cause)}`, {
      cause,
      hint: "They must be sealed with the public key of the pool whose workers build it.",
    });
  }
  const { secrets, plan: sealedFor } = parseJson(secretsSchema, text, "sealed secrets");
  if (sealedFor !== plan) {
    throw new ObError("BAD_SECRET", "The secrets of the build were sealed for another spec or context.");
  }
  return new Map(Object.entries(secrets).map(([id, contents]) => [id, Buffer.from(contents, "base64")]));
}

/** The keys of a pool: `identity` stays with its workers, `recipient` is public. */
export interface PoolKey {
  /** `AGE-SECRET-KEY-1…` */
  readonly identity: string;
  /** `age1…` */
  readonly recipient: string;
}

/** Makes the keys of a pool. */
export async function newPoolKey(): Promise<PoolKey> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** The public key that belongs to a private one. @throws ObError `USAGE` if it is not one; the message does not have it. */
export async function publicKeyOf(identity: string): Promise<string> {
  try {
    return await identityToRecipient(identity);
  } catch {
    throw new ObError("USAGE", "This is not a private key of age.", {
      hint: "It is one line, which begins with AGE-SECRET-KEY-1.",
    });
  }
}
