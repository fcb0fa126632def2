import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { guestFiles as amd64Files, guestLinks as amd64Links } from "../debian-12-amd64/guest-files.ts";
import type { GuestFile } from "../src/guest-file.ts";
import { fillIn } from "../src/initrd.ts";

export { guestBusybox } from "../debian-12-amd64/guest-files.ts";
export const guestLinks = amd64Links;

const home = "usr/local/lib/obuilder";

/** Console by its driver's name: the 8250 of `virt`. rodata=off as on amd64. */
export const commandLine = "console=ttyS0 rodata=off";

/** PAM without what pam-auth-update would make: sudo and su ask for it, and sshd does not. */
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

/** Files that are put into the guest beside Debian's own. The machine has no power button, so none for that. */
export async function guestFiles(): Promise<readonly GuestFile[]> {
  const shared = (await amd64Files()).filter(
    ({ path }) => !path.startsWith(`${home}/acpi/`) && path !== `${home}/start`,
  );
  const extlinux = fillIn(await readGuest("extlinux.conf"), new Map([["COMMAND_LINE", commandLine]]));
  return [
    ...shared,
    { path: `${home}/start`, contents: await readGuest("start"), mode: 0o755 },
    { path: "boot/extlinux/extlinux.conf", contents: extlinux, mode: 0o644 },
    // Else sshd shuts out who hangs up before a login, and so everyone who asks whether it is there yet.
    { path: "etc/ssh/sshd_config.d/patient.conf", contents: "PerSourcePenalties no\n", mode: 0o644 },
    { path: "etc/apt/apt.conf.d/90obuilder", contents: 'Acquire::Languages "none";\n', mode: 0o644 },
    ...pam,
  ];
}

/** The text of a file in `guest/`. */
export function readGuest(name: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(`#debian-13-riscv64/${name}`)), "utf8");
}
