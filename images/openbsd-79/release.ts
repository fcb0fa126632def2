import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** As in addresses, and as in the names of sets. */
export const version = "7.9";
export const shortVersion = "79";

/** The directory of the release on a mirror. */
export const releasePath = `pub/OpenBSD/${version}/amd64`;
export const mirror = `https://cdn.openbsd.org/${releasePath}`;

/** The installer fetches `site79-HOSTNAME.tgz` unasked. */
export const hostname = "obuilder";
export const siteSet = `site${shortVersion}-${hostname}.tgz`;

/** What the guest starts from over the network: the boot loader, and the kernel with the installer. */
export const netboot = { loader: "pxeboot", kernel: "bsd.rd" } as const;

/** Sets that are left out: games, and what only an X server needs. */
export const unwantedSets = ["game", "xfont", "xserv"] as const;

/** What the installer fetches: kernels for one processor and for more, the sets, and what they were built from. */
export const sets = [
  ...["BUILDINFO", "bsd", "bsd.mp", "bsd.rd"],
  ...["base", "comp", "man", "xbase", "xshare"].map((set) => `${set}${shortVersion}.tgz`),
] as const;

/** The release's public key, as in Debian's package signify-openbsd-keys and in OpenBSD's own `/etc/signify`. */
export function publicKey(): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve("#openbsd-79/openbsd-79-base.pub")), "utf8");
}
