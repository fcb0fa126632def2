import { homedir } from "node:os";
import { join } from "node:path";
import { errorMessage, ObError, readRegularFile } from "@ob/core";
import type { ParsedKey } from "ssh2";
import { loadSsh2 } from "./ssh2.ts";

/** A key to log in with. The label is for messages. */
export type LoginKey =
  | { readonly kind: "key"; readonly label: string; readonly key: ParsedKey }
  | { readonly kind: "agent"; readonly label: string; readonly socket: string };

export interface KeySources {
  /** `--qemu-ssh-key`, for images that name none: absolute path. */
  readonly option: string | undefined;
  /** The image manifest's key: absolute path. */
  readonly manifest: string | undefined;
  /** The directory with `.ssh`; by default the user's home. */
  readonly home?: string | undefined;
  /** By default `SSH_AUTH_SOCK`. */
  readonly agent?: string | undefined;
}

export interface LoginKeys {
  /** True if an option or the image's manifest names the key. */
  readonly named: boolean;
  readonly keys: readonly LoginKey[];
}

/**
 * The keys to offer to a guest. If one is named, by the image or else by the option, it is the only one: a guest is hostile,
 * and must not learn which other keys its owner has. If none is named, they are `~/.ssh/id_*` and those of the agent, except
 * for those that cannot be used.
 *
 * @throws ObError `USAGE` or `BASE_IMAGE` if a named key is missing, is not a private key, or has a passphrase.
 */
export async function loginKeys(sources: KeySources): Promise<LoginKeys> {
  const { option, manifest, home = homedir(), agent = process.env["SSH_AUTH_SOCK"] } = sources;
  if (manifest !== undefined) return { named: true, keys: [await readKey(manifest, "BASE_IMAGE")] };
  if (option !== undefined) return { named: true, keys: [await readKey(option, "USAGE")] };
  const usual: LoginKey[] = [];
  for (const name of ["id_ed25519", "id_ecdsa", "id_rsa"]) {
    try {
      usual.push(await readKey(join(home, ".ssh", name), "USAGE"));
    } catch {
      // Missing, or only usable through the agent.
    }
  }
  const agents: LoginKey[] =
    agent === undefined || agent === "" ? [] : [{ kind: "agent", label: "the SSH agent", socket: agent }];
  return { named: false, keys: [...usual, ...agents] };
}

async function readKey(path: string, code: "USAGE" | "BASE_IMAGE"): Promise<LoginKey> {
  let text: Buffer;
  try {
    text = await readRegularFile(path);
  } catch (cause) {
    throw new ObError(code, `The SSH key ${path} cannot be read: ${errorMessage(cause)}`, { cause });
  }
  const { utils } = await loadSsh2();
  const parsed = utils.parseKey(text);
  if (parsed instanceof Error) {
    const locked = /passphrase|encrypted/i.test(parsed.message);
    throw new ObError(code, `The SSH key ${path} cannot be used: ${parsed.message}`, {
      cause: parsed,
      hint: locked ? "Load it into an SSH agent, or use a key without a passphrase." : undefined,
    });
  }
  const key: ParsedKey = parsed;
  if (!key.isPrivateKey()) throw new ObError(code, `The SSH key ${path} is a public key.`);
  return { kind: "key", label: path, key };
}
