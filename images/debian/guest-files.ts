import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type GuestFile, renderTemplate } from "@ob/images/toolkit";
import type { Release } from "./releases.ts";

const home = "usr/local/lib/obuilder";

/** Files in `guest/`, with their paths in the guest. */
const sources = [
  { source: "inittab", path: "etc/inittab", mode: 0o644 },
  { source: "grow-root", path: `${home}/grow-root`, mode: 0o755 },
  { source: "root-shell", path: `${home}/root-shell`, mode: 0o755 },
  { source: "power-off", path: `${home}/power-off`, mode: 0o755 },
  { source: "sshd_config", path: "etc/ssh/sshd_config.d/obuilder.conf", mode: 0o644 },
  { source: "policy-rc.d", path: "usr/sbin/policy-rc.d", mode: 0o755 },
] as const;

/** Files of one or two lines. The name server is the one of QEMU's user network. */
const short: readonly GuestFile[] = [
  { path: "etc/hostname", contents: "obuilder\n", mode: 0o644 },
  { path: "etc/hosts", contents: "127.0.0.1 localhost obuilder\n::1 localhost obuilder\n", mode: 0o644 },
  { path: "etc/resolv.conf", contents: "nameserver 10.0.2.3\n", mode: 0o644 },
  { path: "etc/fstab", contents: "# The initrd mounts the root file system.\n", mode: 0o644 },
];

/** Symbolic links: path and target. */
export const guestLinks: readonly (readonly [path: string, target: string])[] = [
  [`${home}/init`, "busybox"],
  ["etc/mtab", "/proc/self/mounts"],
  ["usr/local/sbin/halt", `/${home}/power-off`],
  ["usr/local/sbin/poweroff", `/${home}/power-off`],
  ["usr/local/sbin/reboot", `/${home}/power-off`],
];

/** Path of busybox in the guest, where no package replaces it. */
export const guestBusybox = `${home}/busybox`;

export interface GuestFilesOptions {
  readonly release: Release;
  /** The login user. */
  readonly user: string;
  /** False for a machine without a power button. */
  readonly powerButton: boolean;
}

/** All files that are added to the guest's Debian. */
export async function guestFiles(options: GuestFilesOptions): Promise<readonly GuestFile[]> {
  const { release, user, powerButton } = options;
  const read = sources.map(async ({ source, path, mode }) => ({
    path,
    mode,
    contents: await readGuest(source),
  }));
  const start = renderTemplate(await readGuest("start"), new Map([["SSHD", release.sshd.command]]));
  const files: GuestFile[] = [
    ...(await Promise.all(read)),
    ...short,
    { path: `${home}/start`, contents: start, mode: 0o755 },
    { path: `etc/sudoers.d/${user}`, contents: `${user} ALL=(ALL:ALL) NOPASSWD: ALL\n`, mode: 0o440 },
  ];
  if (powerButton) {
    const contents = await readGuest("power-button");
    files.push({ path: `${home}/acpi/PWRF/00000080`, contents, mode: 0o755 });
  }
  const { config } = release.sshd;
  if (config !== "") {
    files.push({ path: "etc/ssh/sshd_config.d/release.conf", contents: config, mode: 0o644 });
  }
  return files;
}

/** The text of a file in `guest/`. */
export function readGuest(name: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(`#debian/${name}`)), "utf8");
}
