import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type GuestFile, renderTemplate } from "@ob/images/toolkit";
import { guestFiles } from "../guest-files.ts";
import type { Release } from "../releases.ts";

/** The console is `virt`'s 8250 UART, by its driver's name. rodata=off as on amd64. */
export const commandLine = "console=ttyS0 rodata=off";

/** The PAM configuration that pam-auth-update would generate. sudo and su need it; sshd does not. */
const pam: readonly GuestFile[] = [
  ["auth", "sufficient pam_rootok.so\nauth required pam_unix.so nullok"],
  ["account", "required pam_unix.so"],
  ["password", "required pam_unix.so obscure yescrypt"],
  ["session", "required pam_permit.so"],
  ["session-noninteractive", "required pam_permit.so"],
].map(([part = "", rule = ""]) => ({
  path: `etc/pam.d/common-${part}`,
  contents: `${part.replace(/-.*/, "")} ${rule}\n`,
  mode: 0o644,
}));

/** Files that are added to the guest's Debian. The machine has no power button. */
export async function riscv64Files(release: Release, user: string): Promise<readonly GuestFile[]> {
  const extlinux = renderTemplate(await readGuest("extlinux.conf"), new Map([["COMMAND_LINE", commandLine]]));
  return [
    ...(await guestFiles({ release, user, powerButton: false })),
    { path: "boot/extlinux/extlinux.conf", contents: extlinux, mode: 0o644 },
    { path: "etc/apt/apt.conf.d/90obuilder", contents: 'Acquire::Languages "none";\n', mode: 0o644 },
    ...pam,
  ];
}

/** The text of a file in `guest/`. */
export function readGuest(name: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(`#debian-riscv64/${name}`)), "utf8");
}
