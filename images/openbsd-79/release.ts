import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The version in URLs, and below in the names of sets. */
export const version = "7.9";
export const shortVersion = "79";

/** The release's directory on a mirror. */
export const releasePath = `pub/OpenBSD/${version}/amd64`;
export const mirror = `https://cdn.openbsd.org/${releasePath}`;

/** The installer fetches `site79-HOSTNAME.tgz` without a question. */
export const hostname = "obuilder";
export const siteSet = `site${shortVersion}-${hostname}.tgz`;

/** The files for the netboot: the boot loader, and the kernel with the installer. */
export const netboot = { loader: "pxeboot", kernel: "bsd.rd" } as const;

/** Sets that are not installed: games, and what only an X server needs. */
export const unwantedSets = ["game", "xfont", "xserv"] as const;

/**
 * The files that the installer fetches: kernels for one and for several processors, the sets, and the build
 * information.
 */
export const sets = [
  ...["BUILDINFO", "bsd", "bsd.mp", "bsd.rd"],
  ...["base", "comp", "man", "xbase", "xshare"].map((set) => `${set}${shortVersion}.tgz`),
] as const;

/** The release's public key, as in Debian's package signify-openbsd-keys and in OpenBSD's `/etc/signify`. */
export function publicKey(): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve("#openbsd-79/openbsd-79-base.pub")), "utf8");
}
