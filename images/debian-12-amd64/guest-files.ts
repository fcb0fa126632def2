import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { GuestFile } from "../src/guest-file.ts";

const home = "usr/local/lib/obuilder";

/** Files that stand in `guest/`, with their places in the guest. */
const sources = [
  { source: "inittab", path: "etc/inittab", mode: 0o644 },
  { source: "start", path: `${home}/start`, mode: 0o755 },
  { source: "grow-root", path: `${home}/grow-root`, mode: 0o755 },
  { source: "power-off", path: `${home}/power-off`, mode: 0o755 },
  { source: "power-button", path: `${home}/acpi/PWRF/00000080`, mode: 0o755 },
  { source: "sshd_config", path: "etc/ssh/sshd_config.d/obuilder.conf", mode: 0o644 },
  { source: "policy-rc.d", path: "usr/sbin/policy-rc.d", mode: 0o755 },
] as const;

/** Files that are a line or two. The name server is that of QEMU's user network. */
const short: readonly GuestFile[] = [
  { path: "etc/hostname", contents: "obuilder\n", mode: 0o644 },
  { path: "etc/hosts", contents: "127.0.0.1 localhost obuilder\n::1 localhost obuilder\n", mode: 0o644 },
  { path: "etc/resolv.conf", contents: "nameserver 10.0.2.3\n", mode: 0o644 },
  { path: "etc/fstab", contents: "# The initrd mounts the root file system.\n", mode: 0o644 },
  { path: "etc/sudoers.d/opam", contents: "opam ALL=(ALL:ALL) NOPASSWD: ALL\n", mode: 0o440 },
];

/** Symbolic links: path and target. */
export const guestLinks: readonly (readonly [path: string, target: string])[] = [
  [`${home}/init`, "busybox"],
  ["etc/mtab", "/proc/self/mounts"],
  ["usr/local/sbin/halt", `/${home}/power-off`],
  ["usr/local/sbin/poweroff", `/${home}/power-off`],
  ["usr/local/sbin/reboot", `/${home}/power-off`],
];

/** Busybox in the guest, out of the way of any package. */
export const guestBusybox = `${home}/busybox`;

/** All files that are put into the guest beside Debian's own. */
export async function guestFiles(): Promise<readonly GuestFile[]> {
  const read = sources.map(async ({ source, path, mode }) => ({
    path,
    mode,
    contents: await readGuest(source),
  }));
  return [...(await Promise.all(read)), ...short];
}

/** The text of a file in `guest/`. */
export function readGuest(name: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(`#debian-12-amd64/${name}`)), "utf8");
}
