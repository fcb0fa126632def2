import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The differences between guests from one cloud image. */
export interface UserDataOptions {
  readonly user: string;
  /** A line of `authorized_keys`. */
  readonly publicKey: string;
  /** All packages that are added to the cloud image. */
  readonly packages: readonly string[];
  readonly ocaml: string | undefined;
}

const lib = "/usr/local/lib/obuilder";

/** Files in `guest/`, with their paths in the guest. */
const files = [
  { source: "install", path: `${lib}/install`, permissions: "0755" },
  { source: "install-opam", path: `${lib}/install-opam`, permissions: "0755" },
  { source: "finish", path: `${lib}/finish`, permissions: "0755" },
  { source: "grow-root", path: `${lib}/grow-root`, permissions: "0755" },
  {
    source: "obuilder-grow-root.service",
    path: "/etc/systemd/system/obuilder-grow-root.service",
    permissions: "0644",
  },
  {
    source: "obuilder-ready.service",
    path: "/etc/systemd/system/obuilder-ready.service",
    permissions: "0644",
  },
  // sshd uses the first value of each setting, and reads files in alphabetical order.
  { source: "sshd.conf", path: "/etc/ssh/sshd_config.d/00-obuilder.conf", permissions: "0644" },
  { source: "netplan.yaml", path: "/etc/netplan/60-obuilder.yaml", permissions: "0600" },
  { source: "apt.conf", path: "/etc/apt/apt.conf.d/99obuilder", permissions: "0644" },
  { source: "grub.cfg", path: "/etc/default/grub.d/99-obuilder.cfg", permissions: "0644" },
] as const;

/**
 * cloud-init's user-data, as JSON: JSON is YAML too, without its ambiguous scalars.
 *
 * No user has a password, and the store's key is the only authorized key.
 */
export async function userData(options: UserDataOptions): Promise<string> {
  const { user, publicKey, packages, ocaml } = options;
  const config = {
    // A locale that needs no generation. "false" would be clearer, but is not in the schema before cloud-init 22.
    locale: "C.UTF-8",
    timezone: "Etc/UTC",
    // Without "default" in this list the cloud image's default user is not created.
    users: [
      {
        name: user,
        uid: 1000,
        gecos: "OBuilder",
        groups: ["sudo"],
        shell: "/bin/bash",
        sudo: "ALL=(ALL:ALL) NOPASSWD:ALL",
        lock_passwd: true,
        ssh_authorized_keys: [publicKey],
      },
    ],
    disable_root: true,
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_genkeytypes: ["ed25519"],
    write_files: await Promise.all(
      files.map(async ({ source, path, permissions }) => ({
        path,
        permissions,
        owner: "root:root",
        content: await readGuest(source),
      })),
    ),
    // The schema does not allow an empty list.
    ...(packages.length > 0 && { package_update: true, packages }),
    runcmd: [[`${lib}/install`, user, ocaml ?? "none", ...packages]],
    // cloud-init evaluates the condition last, after all other modules.
    power_state: { mode: "poweroff", delay: "now", timeout: 60, condition: [`${lib}/finish`] },
  };
  return `#cloud-config\n${JSON.stringify(config, undefined, 2)}\n`;
}

/** cloud-init's meta-data, with the instance's name. */
export function metaData(name: string): string {
  return `${JSON.stringify({ "instance-id": `obuilder-${name}`, "local-hostname": "obuilder" })}\n`;
}

/** The contents of all files in `guest/`, for the recipe's fingerprint. */
export async function guestTexts(): Promise<readonly string[]> {
  return await Promise.all(files.map(({ source }) => readGuest(source)));
}

function readGuest(name: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(`#ubuntu-noble/guest/${name}`)), "utf8");
}
